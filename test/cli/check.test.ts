import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkCommand } from '#src/cli/check.ts';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

async function check(file: string, json: boolean, env: Record<string, string> = {}) {
  const printed = { out: '', err: '' };
  const io = {
    out: (text: string) => {
      printed.out += text;
    },
    err: (text: string) => {
      printed.err += text;
    },
    env,
    isTty: false,
    color: false,
    columns: () => 100,
    rows: () => 40,
  };
  const code = await checkCommand(path(file), { json }, io);
  return { code, ...printed };
}

test('check ends with 0 and prints what the file comes to when it is valid', async () => {
  const { code, out, err } = await check('config/crossover.example.yaml', false);
  assert.equal(code, 0);
  assert.equal(err, '');
  assert.match(out, /is valid/);
  assert.match(out, /cluster y kong-3\.10: 127\.0\.0\.1:9002/);
  assert.match(out, /1%, 5%, 10%, 25%, 50%, 100%; bake 1m, soak 10m, holdback 1%/);
});

test('check ends with 2 and prints every problem with its place when the file is not valid', async () => {
  const { code, out, err } = await check('test/config/bad/units.yaml', false);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(
    err,
    /units\.yaml:4:22: timeouts\.connect: expected a duration .*\n {2}hint: write the unit: 5s or 5ms\n/,
  );
  assert.match(err, /units\.yaml: 12 problems\n$/);
});

test('check ends with 0 and prints warnings with their places when a valid file is doubtful', async () => {
  const file = 'test/config/doubtful.yaml';
  const { code, out, err } = await check(file, false);
  assert.equal(code, 0);
  assert.match(out, /doubtful\.yaml is valid, with 2 warnings\.\n {2}listen/);
  assert.match(err, /doubtful\.yaml:4:27: warning: timeouts\.upstreamIdle: .*\n {2}hint: at most 71s/);
  const json = await check(file, true);
  assert.deepEqual([json.code, json.err], [0, '']);
  const { ok, warnings } = JSON.parse(json.out);
  assert.equal(ok, true);
  assert.deepEqual(
    warnings.map(({ line, column, path }: Record<string, unknown>) => [line, column, path]),
    [
      [4, 27, 'timeouts.upstreamIdle'],
      [5, 20, 'health.timeout'],
    ],
  );
});

test('check prints JSON when asked to, of either kind', async () => {
  const valid = await check('config/crossover.example.yaml', true);
  assert.equal(valid.code, 0);
  assert.equal(JSON.parse(valid.out).config.workers > 0, true);
  const refused = await check('test/config/bad/holdback.yaml', true);
  assert.equal(refused.code, 2);
  assert.equal(refused.err, '');
  const { ok, problems } = JSON.parse(refused.out);
  assert.equal(ok, false);
  assert.deepEqual([problems[0].line, problems[0].column, problems[0].path], [4, 46, 'rollout.holdback']);
});

test('check never prints a secret when it shows a configuration', async () => {
  const env = { CROSSOVER_TOKEN: 'tok-17', CROSSOVER_OVERRIDE_SECRET: 'sec-17' };
  for (const json of [false, true]) {
    const { code, out, err } = await check('config/crossover.example.yaml', json, env);
    assert.equal(code, 0);
    assert.doesNotMatch(out + err, /tok-17|sec-17/);
  }
});

test('check says so when there is no such file', async () => {
  const { code, err } = await check('config/none.yaml', false);
  assert.equal(code, 2);
  assert.match(err, /none\.yaml:1:1: there is no such file/);
});
