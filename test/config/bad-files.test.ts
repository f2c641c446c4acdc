// Each file in bad/ with what `crossover check` says about it, word for word. After a deliberate change of
// words: UPDATE_GOLDEN=1 node --test test/config/bad-files.test.ts
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '#src/config/load.ts';
import { formatConfigProblems } from '#src/terminal/config-problems.ts';

const folder = fileURLToPath(new URL('./bad/', import.meta.url));
const machine = { cores: 4, addresses: ['127.0.0.1', '10.9.8.7'], resolvePath: (path: string) => path };

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  test(`every problem of ${file} is told when it is checked`, () => {
    const result = parseConfig(readFileSync(folder + file, 'utf8'), file, {}, machine);
    assert.ok(!result.ok, 'the file is refused');
    const golden = `${folder}${file.replace(/yaml$/, 'txt')}`;
    const told = formatConfigProblems(result.problems);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, told);
    assert.equal(told, readFileSync(golden, 'utf8'));
  });
}
