import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { schemaFileText } from '#src/config/schema-file.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('crossover.schema.json is up to date when compared with the schema', () => {
  assert.equal(
    read('config/crossover.schema.json'),
    schemaFileText(),
    'renew it: node src/config/print-schema.ts > config/crossover.schema.json',
  );
});

const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(schemaFileText()) as object);

for (const file of readdirSync(new URL('../../config/', import.meta.url)).filter((name) =>
  name.endsWith('.yaml'),
)) {
  test(`an editor finds nothing wrong when it opens ${file}`, () => {
    assert.ok(validate(parse(read(`config/${file}`))), JSON.stringify(validate.errors));
  });
}

test('an editor finds mistakes of form when a file has them', () => {
  for (const file of ['unknown-keys', 'wrong-types', 'units', 'thresholds']) {
    assert.equal(validate(parse(read(`test/config/bad/${file}.yaml`), { uniqueKeys: false })), false, file);
  }
});
