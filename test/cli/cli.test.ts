import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { untilByTurns } from '../support/until.ts';
import { exampleStatus, inPhase } from './example-status.ts';
import { type Asked, type FakeControlApi, type Reply, startFakeControlApi } from './fake-control-api.ts';
import { runCli } from './run-cli.ts';

const problem = (status: number, detail: string, extras: object = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: { type: 'about:blank', title: 'refused', status, detail, ...extras },
});

describe('the command line', () => {
  let api: FakeControlApi | null = null;
  afterEach(async () => {
    await api?.close();
    api = null;
  });

  /** Runs a command against a fake API that gives the answer. */
  async function run(
    answer: Reply | ((asked: Asked) => Reply),
    args: readonly string[],
    env: Record<string, string> = {},
  ) {
    api = await startFakeControlApi(typeof answer === 'function' ? answer : () => answer);
    const result = await runCli([...args, '--url', api.url], { env });
    return { ...result, asked: api.asked };
  }

  describe('usage', () => {
    it('names the nearest command and exits 2 when a command is unknown', async () => {
      const { exitCode, err } = await runCli(['rolout']);
      assert.equal(exitCode, 2);
      assert.match(err, /unknown command 'rolout'\n\(Did you mean rollout\?\)/);
    });

    it('exits 2 when an option is unknown or an argument is out of range', async () => {
      assert.equal((await runCli(['status', '--wach'])).exitCode, 2);
      for (const percent of ['101', '-1', '1e1', '', '0.00001', 'NaN', '+5'])
        assert.equal((await runCli(['split', 'set', '--', percent])).exitCode, 2, percent);
      assert.equal((await runCli(['events', '--after', 'x'])).exitCode, 2);
      assert.equal((await runCli(['rollout', 'start', '--steps', '5,1,100'])).exitCode, 2);
      assert.equal((await runCli(['rollout', 'start', '--steps', '1,50'])).exitCode, 2);
    });

    it('prints help to stdout and exits 0 when asked, with examples and what to do next for every command', async () => {
      const commands = [
        ['serve'],
        ['check'],
        ['demo'],
        ['status'],
        ['split', 'set'],
        ['rollout'],
        ['events'],
      ];
      for (const command of commands) {
        const { exitCode, out, err } = await runCli([...command, '--help']);
        assert.equal(exitCode, 0);
        assert.equal(err, '');
        assert.match(out, /Examples:/, command.join(' '));
        assert.match(out, /What next:/, command.join(' '));
      }
    });

    it('names the faults there are when one is unknown', async () => {
      const { exitCode, err } = await runCli(['demo', '--fault', 'earthquake']);
      assert.equal(exitCode, 2);
      assert.match(err, /none, errors, latency, status-mix, dead, brownout/);
    });
  });

  describe('text from outside', () => {
    it('is shown with every character that would act on the terminal', async () => {
      const text = 'moved: \u001b]0;owned\u0007\u009b31m\u202e';
      const event = { id: 1, atMs: 0, name: 'rollout-step', actor: 'eve\u001b[8m', text, detail: { text } };
      const answer = ({ path }: Asked): Reply => ({ body: { events: path.endsWith('=0') ? [event] : [] } });
      for (const format of [[], ['--json']]) {
        const { out } = await run(answer, ['events', ...format]);
        await api?.close();
        assert.doesNotMatch(out.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
        assert.match(out, /\\u001b\]0;owned/);
      }
    });

    it('is shown the same way in a refusal', async () => {
      const { err } = await run(problem(409, 'not now: frozen by \u001b[31meve'), ['rollout', 'advance']);
      assert.match(err, /^error: not now: frozen by \\u001b\[31meve\n/);
    });
  });

  describe('a control API that does not do what was asked', () => {
    it('is reported in words when nothing listens', async () => {
      const probe = createServer();
      await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
      const { port } = probe.address() as AddressInfo;
      await new Promise((resolve) => probe.close(resolve));
      const { exitCode, err } = await runCli(['status', '--url', `http://127.0.0.1:${port}`]);
      assert.equal(exitCode, 1);
      assert.match(err, /nothing listens on http:\/\/127\.0\.0\.1:\d+\n.*crossover serve --config/);
    });

    it('is told apart from a refused token when a token is missing', async () => {
      const refusal = problem(401, 'who are you');
      const missing = await run(refusal, ['status']);
      assert.equal(missing.exitCode, 1);
      assert.match(missing.err, /wants a token\n.*CROSSOVER_TOKEN/);
      await api?.close();
      const wrong = await run(refusal, ['status'], { CROSSOVER_TOKEN: 'bad' });
      assert.match(wrong.err, /refused the token/);
    });

    it('passes the reason on and points at status when the state does not allow it', async () => {
      const { exitCode, err } = await run(problem(409, 'No rollout is running.'), ['rollout', 'pause']);
      assert.equal(exitCode, 1);
      assert.match(err, /error: No rollout is running\.\n.*crossover status/);
    });

    it('asks to read again when the split changed meanwhile', async () => {
      const refusal = problem(412, 'The split changed.', { current: { y: 20 } });
      const result = await run(refusal, ['split', 'set', '10', '--if-match', '3-0']);
      assert.equal(result.exitCode, 1);
      assert.match(result.err, /The split changed\.\n.*Y has 20 % now.*crossover split get/);
    });

    it('exits 2 when the API finds the request itself wrong', async () => {
      assert.equal((await run(problem(400, 'steps must ascend'), ['rollout', 'start'])).exitCode, 2);
    });

    it('is recognised as something else when it does not answer JSON', async () => {
      const { exitCode, err } = await run({ status: 404, body: '<html>' }, ['status']);
      assert.equal(exitCode, 1);
      assert.match(err, /answered 404, but not as Crossover does\n.*listen\.control/);
    });

    it('is not asked at all when the URL is none', async () => {
      assert.equal((await runCli(['status', '--url', 'localhost:9900'])).exitCode, 2);
    });
  });

  describe('the token', () => {
    it('is sent as a bearer token when it is in the environment', async () => {
      const { asked } = await run({ body: exampleStatus }, ['status'], { CROSSOVER_TOKEN: 's3cret' });
      assert.equal(asked[0]?.headers.authorization, 'Bearer s3cret');
    });

    it('comes from the file when one is named, without its last line break', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'crossover-cli-'));
      const file = join(folder, 'token');
      writeFileSync(file, 'from-file\n');
      const { asked } = await run({ body: exampleStatus }, ['status', '--token-file', file], {
        CROSSOVER_TOKEN: 'env',
      });
      assert.equal(asked[0]?.headers.authorization, 'Bearer from-file');
      rmSync(folder, { recursive: true });
      assert.equal((await runCli(['status', '--token-file', file])).exitCode, 2);
    });

    it('is no option of any command', async () => {
      assert.equal((await runCli(['status', '--token', 'x'])).exitCode, 2);
    });
  });

  describe('serve', () => {
    it('names an option that is spelt wrong before one that is missing', async () => {
      const { exitCode, err } = await runCli(['serve', '--confg', 'x']);
      assert.equal(exitCode, 2);
      assert.match(err, /unknown option '--confg'\n\(Did you mean --config\?\)/);
    });

    it('asks for its configuration', async () => {
      const { exitCode, err } = await runCli(['serve']);
      assert.equal(exitCode, 2);
      assert.match(err, /required option '--config <file>' not specified/);
    });
  });

  describe('status', () => {
    it('shows phase, hold reason, split, clusters and evidence, aligned and without colour', async () => {
      const { exitCode, out } = await run({ body: exampleStatus }, ['status']);
      assert.equal(exitCode, 0);
      assert.ok(!out.includes('\u001b'), 'no control sequences');
      const lines = out.split('\n').map((line) => line.trimEnd());
      assert.match(lines[0] ?? '', /^Crossover 0\.1\.0 at http:.*, up 3 min 12 s$/);
      assert.ok(lines.includes('Rollout      ramping, step 3 of 6, 10 % on Y'));
      assert.match(
        out.replaceAll(/\s+/g, ' '),
        /needs about 480 more requests on Y to show that errors are no more frequent, 4 to 19 s at the present rate/,
      );
      const table = lines.slice(lines.findIndex((line) => line.includes('Requests')));
      assert.deepEqual(table.slice(0, 3), [
        '             Share  Requests  Errors     p50     p99  Nodes',
        'X kong-3.4    90 %     540/s  0.08 %  8.1 ms   31 ms  2 of 2 healthy',
        'Y kong-3.10   10 %      60/s       -       -  1.25 s  1 of 2 healthy',
      ]);
      assert.match(out, /to revert {3}█{6}░{18} {2}25 % {2}mostly errors/);
      assert.match(out, /to advance {2}█{17}░{7} {2}70 % {2}errors: about 480 more requests to Y$/m);
    });

    it('shows at least one cell of the bar when Y has any traffic', async () => {
      const status = { ...exampleStatus, split: { x: 99.99, y: 0.01, revision: 2 } };
      assert.match((await run({ body: status }, ['status'])).out, /Split.*99\.99 % {2}░+█ {2}0\.01 %/);
    });

    it('names what is broken when workers are lost or the store is read-only', async () => {
      const [worker] = exampleStatus.workers;
      const status = {
        ...exampleStatus,
        workers: [{ ...worker, alive: false, breaker: 'open' }],
        store: { writable: false, problem: { code: 'disk_full', text: 'the disk is full' } },
      };
      const { out } = await run({ body: status }, ['status']);
      assert.match(out, /1 of 1 workers are not running/);
      assert.match(out, /breaker of 1 of 1 workers/);
      assert.match(out, /cannot be written: the disk is full/);
    });

    it('names the request that most of those have in common that speak against Y after a revert', async () => {
      const cause = { name: 'evidence', text: '404 responses 3 % on Y against 0.1 % on X' };
      const status = inPhase('reverted', { cause });
      const kept = Array.from({ length: 8 }, () => ({ request: 'GET /orders', route: 'orders' }));
      const reply = ({ path }: Asked): Reply =>
        path === '/v1/evidence/r-1' ? { body: { samples: kept } } : { body: status };
      const { out } = await run(reply, ['status']);
      assert.match(out.replace(/\s+/g, ' '), /on X; 8 of 8 requests that were kept are GET \/orders/);
    });

    it('shows the status after a revert of which no evidence was kept', async () => {
      const status = inPhase('reverted', { cause: { name: 'operator', text: 'tickets' } });
      const reply = ({ path }: Asked): Reply =>
        path === '/v1/status' ? { body: status } : problem(404, 'none');
      const { exitCode, out } = await run(reply, ['status']);
      assert.deepEqual([exitCode, /tickets$/m.test(out)], [0, true]);
    });

    it('prints what the API said as JSON when asked', async () => {
      const { out } = await run({ body: exampleStatus }, ['status', '--json']);
      assert.deepEqual(JSON.parse(out), exampleStatus);
    });

    it('finds the control API by CROSSOVER_URL when no --url is given', async () => {
      api = await startFakeControlApi(() => ({ body: exampleStatus }));
      assert.equal((await runCli(['status'], { env: { CROSSOVER_URL: api.url } })).exitCode, 0);
    });
  });

  describe('split', () => {
    const reply: Reply = { headers: { etag: '"7-250000"' }, body: { x: 75, y: 25, revision: 7 } };

    it('prints both shares and the tag when read', async () => {
      assert.equal((await run(reply, ['split', 'get'])).out, 'X 75 %, Y 25 %   (tag 7-250000)\n');
      await api?.close();
      const { out } = await run(reply, ['split', 'get', '--json']);
      assert.deepEqual(JSON.parse(out), { x: 75, y: 25, revision: 7, tag: '7-250000' });
    });

    it('sends percent, reason and the quoted tag when set', async () => {
      const args = ['split', 'set', '12.5%', '--if-match', '6-0', '--reason', 'first look'];
      const { asked, exitCode } = await run(reply, args);
      assert.equal(exitCode, 0);
      const [one] = asked;
      assert.equal(one?.method, 'PUT');
      assert.equal(one?.path, '/v1/split');
      assert.equal(one?.headers['if-match'], '"6-0"');
      assert.deepEqual(JSON.parse(one?.body ?? ''), { y: 12.5, reason: 'first look' });
    });

    it('sends no If-Match when none is given', async () => {
      const { asked } = await run(reply, ['split', 'set', '0']);
      assert.equal(asked[0]?.headers['if-match'], undefined);
      assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { y: 0 });
    });
  });

  describe('rollout', () => {
    for (const name of ['pause', 'resume', 'advance', 'promote', 'revert', 'complete']) {
      it(`posts the reason and says what is next when told to ${name}`, async () => {
        const view = inPhase('paused').rollout;
        const { asked, out, exitCode } = await run({ body: view }, ['rollout', name, '--reason', 'because']);
        assert.equal(exitCode, 0);
        assert.equal(asked[0]?.path, `/v1/rollout/${name}`);
        assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { reason: 'because' });
        const [first, next] = out.split('\n');
        assert.equal(first, 'Rollout paused, step 3 of 6, 10 % on Y.');
        assert.ok((next ?? '').length > 0);
      });
    }

    it('sends steps and reason when started with them', async () => {
      const args = ['rollout', 'start', '--steps', '1, 50,100', '--reason', 'Kong 3.10'];
      const { asked } = await run({ status: 201, body: exampleStatus.rollout }, args);
      assert.equal(asked[0]?.path, '/v1/rollout');
      assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { steps: [1, 50, 100], reason: 'Kong 3.10' });
    });

    /** Answers the start, then one status after the other. */
    const course = (...statuses: readonly (typeof exampleStatus)[]) => {
      let next = 0;
      return ({ path }: Asked): Reply => {
        if (path === '/v1/rollout') return { status: 201, body: exampleStatus.rollout };
        return { body: statuses[Math.min(next++, statuses.length - 1)] };
      };
    };

    it('waits and exits 0 when it completes', async () => {
      const { exitCode, out } = await run(course(exampleStatus, inPhase('completed')), [
        'rollout',
        'start',
        '--wait',
      ]);
      assert.equal(exitCode, 0);
      assert.match(out, /ramping, step 3 of 6, 10 % on Y\n.*completed/);
    });

    it('waits and exits 3 with the cause when it is reverted', async () => {
      const cause = { name: 'evidence', text: 'errors 5.0 % on Y, 0.1 % on X' };
      const { exitCode, out } = await run(course(inPhase('reverted', { cause })), [
        'rollout',
        'start',
        '--wait',
      ]);
      assert.equal(exitCode, 3);
      assert.match(out, /errors 5\.0 % on Y, 0\.1 % on X\n$/);
    });

    const failedStart = { id: String(exampleStatus.rollout.id), atMs: 0, text: '0 of 1 nodes of y answer.' };
    const notStarted = inPhase('idle', { id: null, failedStart });

    it('fails with what was missing when the checks of the rollout that it waits for fail', async () => {
      const { exitCode, err } = await run(course(notStarted), ['rollout', 'start', '--wait']);
      assert.equal(exitCode, 1);
      assert.match(err, /was not started, its checks failed: 0 of 1 nodes of y answer/);
    });

    it('waits for the checks, and fails with what was missing when they fail', async () => {
      const checking = { ...exampleStatus.rollout, phase: 'preflight' as const, hold: null };
      const views = [checking, checking, notStarted.rollout];
      const { exitCode, err, asked } = await run(
        ({ method }: Asked): Reply => {
          const view = views.shift() ?? notStarted.rollout;
          return { status: method === 'POST' ? 201 : 200, body: view };
        },
        ['rollout', 'start'],
      );
      assert.deepEqual([exitCode, asked.length], [1, 3]);
      assert.match(err, /was not started, its checks failed: 0 of 1 nodes of y answer/);
    });

    it('does not wait for what holds a start whose checks have passed', async () => {
      const hold = { name: 'window', text: 'outside of the change windows' } as const;
      const body = { ...exampleStatus.rollout, phase: 'preflight' as const, hold };
      const { exitCode, asked } = await run({ status: 201, body }, ['rollout', 'start']);
      assert.deepEqual([exitCode, asked.length], [0, 1]);
    });

    it('fails when another rollout takes its place while it waits', async () => {
      const { exitCode, err } = await run(course(inPhase('ramping', { id: 'r-2' })), [
        'rollout',
        'start',
        '--wait',
      ]);
      assert.equal(exitCode, 1);
      assert.match(err, /another rollout/);
    });

    it('goes on waiting when the control plane is away for a moment', async () => {
      api = await startFakeControlApi(course(exampleStatus));
      const { url } = api;
      const result = runCli(['rollout', 'start', '--wait', '--url', url]);
      const { asked } = api;
      await untilByTurns(() => asked.length >= 2, 'the second question');
      await api.close();
      const port = Number(new URL(url).port);
      const gone = createServer((socket) => socket.destroy());
      const refused = new Promise((resolve) => gone.once('connection', resolve));
      await new Promise<void>((resolve) => gone.listen(port, '127.0.0.1', resolve));
      await refused;
      await new Promise((resolve) => gone.close(resolve));
      api = await startFakeControlApi(() => ({ body: inPhase('completed') }), port);
      const { exitCode, out } = await result;
      assert.equal(exitCode, 0);
      assert.match(out, /still trying/);
    });
  });

  describe('events', () => {
    const events = Array.from({ length: 3 }, (_, index) => ({
      id: index + 1,
      atMs: 1_700_000_000_000 + index,
      name: index === 2 ? 'rollout-step' : 'started',
      actor: 'ada',
      text: `text ${index + 1}`,
      detail: null,
    }));
    const pages = ({ path }: Asked): Reply => {
      const after = Number(new URL(path, 'http://x').searchParams.get('after'));
      return { body: { events: events.filter((event) => event.id > after).slice(0, 2) } };
    };

    it('prints all pages in order when asked once', async () => {
      const { exitCode, out, asked } = await run(pages, ['events']);
      assert.equal(exitCode, 0);
      assert.deepEqual(out.match(/text \d/g), ['text 1', 'text 2', 'text 3']);
      assert.deepEqual(
        asked.map(({ path }) => path),
        ['/v1/events?after=0', '/v1/events?after=2', '/v1/events?after=3'],
      );
    });

    it('prints one JSON object per line, only later ones, when asked so', async () => {
      const { out } = await run(pages, ['events', '--after', '2', '--json']);
      assert.deepEqual(JSON.parse(out), events[2]);
    });
  });
});
