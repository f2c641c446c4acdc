// bin/crossover, the way in: which Node it runs, and with what.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../bin/crossover', import.meta.url));

/** An installation whose Node only says how it was called. */
function installation(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'crossover-bin-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
  cpSync(script, join(root, 'bin/crossover'));
  const node = join(root, 'node_modules/.bin/node');
  writeFileSync(node, '#!/bin/sh\necho "arguments $*"\nenv | grep ^MALLOC_\n');
  chmodSync(node, 0o755);
  return root;
}

const run = (program: string, env: NodeJS.ProcessEnv = {}): string =>
  spawnSync(program, ['status', '--json'], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } })
    .stdout;

test('bin/crossover runs its own Node with what keeps the process small when it is called', (t) => {
  const root = installation(t);
  const said = run(join(root, 'bin/crossover'));
  assert.ok(said.includes(`arguments --expose-gc ${root}/bin/crossover.js status --json\n`), said);
  for (const setting of ['MALLOC_ARENA_MAX', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'])
    assert.match(said, new RegExp(`^${setting}=\\d+$`, 'm'));
});

test('bin/crossover leaves settings of malloc as they are when there are some', (t) => {
  const said = run(join(installation(t), 'bin/crossover'), { MALLOC_ARENA_MAX: '1' });
  assert.match(said, /^MALLOC_ARENA_MAX=1$/m);
});

test('bin/crossover finds its installation when it is called by a link', (t) => {
  const root = installation(t);
  symlinkSync('bin/crossover', join(root, 'link'));
  assert.ok(run(join(root, 'link')).includes(` ${root}/bin/crossover.js `));
});

test('bin/crossover.js says which Node it needs when it is run by an older one', () => {
  const older = 'Object.defineProperty(process, "versions", { value: { node: "20.11.0" } })';
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(older)}`, `${script}.js`, '--help'],
    { encoding: 'utf8' },
  );
  assert.equal(status, 1);
  assert.match(stderr, /^crossover needs Node 24 or newer, and this is 20\.11\.0/);
});
