// The import rules are only worth something if they see every kind of import in TypeScript files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

/** Checks a project of these files under the real rules. */
function check(files: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-imports-'));
  try {
    for (const name of ['.dependency-cruiser.cjs', 'package.json', 'tsconfig.json'])
      cpSync(name, join(directory, name));
    symlinkSync(resolve('node_modules'), join(directory, 'node_modules'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/check-imports.ts', directory], {
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const clean = {
  'src/base/a.ts': 'export const a = 1;\n',
  'src/core/b.ts':
    "import { a } from '#src/base/a.ts';\nexport const b = a;\nexport interface B { b: number }\n",
  'src/data-plane/c.ts': "import type { B } from '#src/core/b.ts';\nexport type C = B;\n",
};

const violations: readonly (readonly [string, string, string, RegExp])[] = [
  ['core uses a built-in module', 'src/core/x.ts', "import 'node:fs';\n", /core-is-pure: src\/core\/x\.ts/],
  ['core uses a library', 'src/core/x.ts', "export { fetch } from 'undici';\n", /core-is-pure/],
  ['core imports dynamically', 'src/core/x.ts', "export const os = import('node:os');\n", /core-is-pure/],
  [
    'the data plane takes a type of the control plane',
    'src/data-plane/x.ts',
    "import type { Y } from '#src/control-plane/y.ts';\nexport type X = Y;\n",
    /data-plane-imports: src\/data-plane\/x\.ts -> src\/control-plane\/y\.ts/,
  ],
  [
    'the data plane uses a library',
    'src/data-plane/x.ts',
    "import 'undici';\n",
    /data-plane-has-no-libraries/,
  ],
  ['base imports core', 'src/base/x.ts', "export * from '../core/b.ts';\n", /base-is-a-leaf/],
  ['a file is not there', 'src/cli/x.ts', "import './gone.ts';\n", /nothing-unresolvable/],
  ['a development library is used', 'src/cli/x.ts', "import 'fast-check';\n", /no-dev-dependencies/],
  [
    'modules go in a circle',
    'src/core/b.ts',
    "import { x } from './x.ts';\nexport const b = 1;\nexport const c = x;\n",
    /no-cycles: src\/core\//,
  ],
];

test('check-imports passes when imports go one way', () => {
  const { status, output } = check(clean);
  assert.equal(status, 0, output);
  assert.match(output, /3 modules, 0 import rule violations/);
});

test('check-imports passes when only types go in a circle', () => {
  const { status, output } = check({
    ...clean,
    'src/core/x.ts': "import type { Z } from './z.ts';\nexport interface X { z: Z }\n",
    'src/core/z.ts': "import type { X } from './x.ts';\nexport interface Z { x: X }\n",
  });
  assert.equal(status, 0, output);
});

for (const [title, file, text, expected] of violations) {
  test(`check-imports fails when ${title}`, () => {
    const { status, output } = check({
      ...clean,
      'src/control-plane/y.ts': 'export interface Y { y: number }\n',
      'src/core/x.ts': "import { b } from './b.ts';\nexport const x = b;\n",
      [file]: text,
    });
    assert.equal(status, 1);
    assert.match(output, expected);
  });
}
