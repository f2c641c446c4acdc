import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

const script = resolve('scripts/check-docs.ts');

/** Checks a project with this README and a document `docs/other.md` that has a heading `The other one`. */
function check(readme: string): { status: number | null; output: string } {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-docs-'));
  try {
    writeFileSync(join(directory, 'package.json'), '{ "scripts": { "bench": "true" } }');
    mkdirSync(join(directory, 'docs'));
    writeFileSync(join(directory, 'docs/other.md'), '# Others\n\n## The `other` one (2)\n');
    writeFileSync(join(directory, 'README.md'), readme);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
      cwd: directory,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('check-docs passes when links, headings, paths and scripts exist', () => {
  const { status, output } = check(
    '# Here\n[a](docs/other.md) [b](docs/other.md#the-other-one-2) [c](#here) `docs/other.md`\n```sh\nnpm run bench\n```\n',
  );
  assert.equal(status, 0, output);
  assert.match(output, /2 documents, 1 commands, 3 links to files, 1 paths, 0 problems/);
});

for (const [title, readme, problem] of [
  ['a linked file is not there', '[a](docs/gone.md)', 'docs/gone.md does not exist'],
  ['a heading is not there', '[a](docs/other.md#gone)', 'docs/other.md has no heading #gone'],
  ['a path in code is not there', 'see `src/gone.ts`', 'src/gone.ts does not exist'],
  ['a script of Node is not there', '```sh\nnode test/gone.ts --all\n```', 'test/gone.ts does not exist'],
  ['an npm script is not there', '```sh\nnpm run gone\n```\n', 'no npm script for `npm run gone`'],
] as const)
  test(`check-docs fails when ${title}`, () => {
    const { status, output } = check(readme);
    assert.equal(status, 1);
    assert.ok(output.includes(problem), output);
  });
