import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { keptSchemaText, schemaFileText } from '#src/config/schema-file.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const files = {
  'config/crossover.schema.json': schemaFileText(),
  'src/config/schema.json': keptSchemaText(),
};

for (const [path, text] of Object.entries(files)) {
  test(`${path} is up to date when compared with the schema`, () => {
    assert.equal(read(path), text, 'renew it: node src/config/write-schema.ts');
  });
}

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
