// The benchmark runs as a test: its figures mean nothing here, that it measures does.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';

function bench(...args: readonly string[]) {
  return spawnSync(process.execPath, ['bench/run.ts', ...args], { encoding: 'utf8', timeout: 300_000 });
}

test('bench compares Crossover with the fastify proxy when run as a smoke test', () => {
  const { status, stdout, stderr } = bench('--smoke');
  assert.equal(status, 0, stderr);
  for (const title of ['1 KB GET', '1 KB POST']) {
    const table = stdout.slice(stdout.indexOf(`### ${title}`));
    for (const proxy of ['crossover', 'fastify']) {
      const row = table.split('\n').find((line) => line.startsWith(`| ${proxy} `)) ?? '';
      assert.match(row, /\| +0 \|$/, `errors of ${proxy} in ${title}: ${row}`);
    }
  }
});

test('bench measures every proxy that is given by a command or as a checkout when there are several', () => {
  const command = (name: string) =>
    `${name}='${process.execPath}' bench/peers/fastify-proxy-server.ts {port} {x} {y}`;
  const { status, stdout, stderr } = bench(
    ...['--smoke', '--only', '1k', '--proxies', 'crossover', '--before', '.'],
    ...['--command', command('first'), '--command', command('second')],
  );
  assert.equal(status, 0, stderr);
  const table = stdout.slice(stdout.indexOf('### 1 KB GET')).split('\n\n')[1] ?? '';
  for (const proxy of ['crossover', 'before', 'first', 'second'])
    assert.match(table, new RegExp(`^\\| ${proxy} .*\\| +0 \\|$`, 'm'), stdout);
  assert.match(stdout, /### crossover and before, round by round[\s\S]*\| too few rounds \|/);
  for (const proxy of ['first', 'second'])
    assert.match(stdout, new RegExp(`### crossover and ${proxy}, round by round`));
});

test('bench says what it knows when an option is wrong', () => {
  const { status, stderr } = bench('--only', 'nonsense');
  assert.equal(status, 2);
  assert.match(stderr, /no case "nonsense"; there are 1k, 100k/);
});

test('bench fails with the log of the proxy when a proxy does not start', () => {
  const { status, stderr } = bench(
    '--smoke',
    '--proxies',
    'broken',
    '--command',
    "broken=node -e 'throw new Error(1234)'",
  );
  assert.notEqual(status, 0);
  assert.match(stderr, /broken: ended before it answered[\s\S]*1234/);
});
