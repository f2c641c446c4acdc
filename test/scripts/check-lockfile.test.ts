import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

function check(packages: object): { status: number | null; output: string } {
  const directory = mkdtempSync(join(tmpdir(), 'crossover-lockfile-'));
  try {
    const file = join(directory, 'package-lock.json');
    writeFileSync(file, JSON.stringify({ packages }));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/check-lockfile.ts', file], {
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const good = { integrity: 'sha512-x' };

test("check-lockfile passes when packages come from npm's registry with checksums", () => {
  const named = { ...good, resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' };
  assert.equal(check({ '': {}, 'node_modules/a': named, 'node_modules/b': good }).status, 0);
});

test('check-lockfile fails when a package comes from another host', () => {
  const { status, output } = check({
    '': {},
    'node_modules/a': { ...good, resolved: 'https://mirror.example/a.tgz' },
  });
  assert.equal(status, 1);
  assert.match(output, /node_modules\/a: comes from https:\/\/mirror\.example/);
});

test('check-lockfile fails when a package has no checksum', () => {
  const { status, output } = check({ '': {}, 'node_modules/a': {} });
  assert.equal(status, 1);
  assert.match(output, /node_modules\/a: has no checksum/);
});
