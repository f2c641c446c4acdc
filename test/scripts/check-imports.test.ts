// The import rules are only worth something if they see every kind of import in TypeScript files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { describe, it, test } from 'node:test';

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
  'src/core/http1/b.ts':
    "import { a } from '#src/base/a.ts';\nexport const b = a;\nexport interface B { b: number }\n",
  'src/data-plane/base/c.ts': "import type { B } from '#src/core/http1/b.ts';\nexport type C = B;\n",
};

const violations: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'core uses a built-in module',
    'src/core/http1/x.ts',
    "import 'node:fs';\n",
    /core-is-pure: src\/core\/http1\/x\.ts/,
  ],
  ['core uses a library', 'src/core/http1/x.ts', "export { fetch } from 'undici';\n", /core-is-pure/],
  [
    'core imports dynamically',
    'src/core/http1/x.ts',
    "export const os = import('node:os');\n",
    /core-is-pure/,
  ],
  [
    'the data plane takes a type of the control plane',
    'src/data-plane/base/x.ts',
    "import type { Y } from '#src/control-plane/events/y.ts';\nexport type X = Y;\n",
    /planes-apart: src\/data-plane\/base\/x\.ts -> src\/control-plane\/events\/y\.ts/,
  ],
  [
    'the control plane takes a type of the data plane',
    'src/control-plane/events/x.ts',
    "import type { C } from '#src/data-plane/base/c.ts';\nexport type X = C;\n",
    /planes-apart/,
  ],
  [
    'the supervisor imports a plane',
    'src/supervisor/x.ts',
    "import type { C } from '#src/data-plane/base/c.ts';\nexport type X = C;\n",
    /supervisor-starts-planes/,
  ],
  [
    'the simulator reaches into the data path',
    'src/simulator/x.ts',
    "import type { C } from '#src/data-plane/base/c.ts';\nexport type X = C;\n",
    /data-plane-seen-by-nobody/,
  ],
  [
    'the data plane uses a library',
    'src/data-plane/base/x.ts',
    "import 'undici';\n",
    /data-plane-has-no-libraries/,
  ],
  ['a file is not there', 'src/cli/x.ts', "import './gone.ts';\n", /nothing-unresolvable/],
  ['a development library is used', 'src/cli/x.ts', "import 'fast-check';\n", /no-dev-dependencies/],
  [
    'modules go in a circle',
    'src/core/http1/b.ts',
    "import { x } from './x.ts';\nexport const b = 1;\nexport const c = x;\n",
    /no-cycles: src\/core\//,
  ],
  [
    'types go in a circle',
    'src/core/http1/b.ts',
    "import type { X } from './x.ts';\nexport const b = 1;\nexport type B = X;\n",
    /no-cycles: src\/core\//,
  ],
  ['a file stands on no floor', 'src/core/x.ts', 'export const x = 1;\n', /without-floor: src\/core\/x\.ts/],
];

test('check-imports passes when imports go one way', () => {
  const { status, output } = check(clean);
  assert.equal(status, 0, output);
  assert.match(output, /3 modules, 0 import rule violations/);
});

for (const [title, file, text, expected] of violations) {
  test(`check-imports fails when ${title}`, () => {
    const { status, output } = check({
      ...clean,
      'src/control-plane/events/y.ts': 'export interface Y { y: number }\n',
      'src/core/http1/x.ts': "import { b } from './b.ts';\nexport const x = b;\nexport type X = number;\n",
      [file]: text,
    });
    assert.equal(status, 1);
    assert.match(output, expected);
  });
}

/** A file on the floor that a pattern of the rules stands for. */
function fileOn(floor: string): string {
  const path = floor.replace(/^\^|\$$/g, '').replaceAll('\\', '');
  return path.endsWith('.ts') ? path : `${path}planted.ts`;
}

describe('check-imports', async () => {
  const { default: config } = (await import(resolve('.dependency-cruiser.cjs'))) as {
    default: { forbidden: readonly { name: string; from: { path: string }; to: { path?: unknown } }[] };
  };
  const floors = config.forbidden.filter(({ name }) => name.endsWith('-floors'));
  // One cruise over one violation in each folder: every floor but the highest of its list looks up to the
  // next one.
  const planted = floors.flatMap((rule, index) => {
    const above = floors[index + 1];
    return above?.name === rule.name
      ? [{ rule: rule.name, from: fileOn(rule.from.path), to: fileOn(above.from.path) }]
      : [];
  });

  it('fails for an import that goes up from each floor', () => {
    const files: Record<string, string> = {};
    for (const { from, to } of planted) {
      files[to] ??= '';
      files[from] = `${files[from] ?? ''}import type {} from '#src/${to.slice('src/'.length)}';\n`;
    }
    const { status, output } = check(files);
    assert.equal(status, 1);
    for (const { rule, from, to } of planted)
      assert.ok(output.includes(`${rule}: ${from} -> ${to}`), `${rule}: ${from} -> ${to}\n${output}`);
    assert.ok(planted.length > 40, `${planted.length} floors`);
  });
});
