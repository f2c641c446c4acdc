// When a process is replaced and when it goes on, with a successor that does what the test says.
import assert from 'node:assert/strict';
import { describe, it, mock, type TestContext } from 'node:test';
import type { LoadResult } from '#src/config/config.ts';
import { type Replaceable, Replacement, successorReadyMs } from '#src/supervisor/replacement.ts';
import { testConfig } from '../support/crossover-config.ts';

const config = testConfig({ x: [1], y: [2] });
const valid: LoadResult = { ok: true, config, warnings: [], placeOf: () => ({ line: 1, column: 1 }) };

/** A process that notes what is done to it, in order. */
function rig(changes: Partial<Replaceable> = {}) {
  const notes: string[] = [];
  const outcome = Promise.withResolvers<string | null>();
  const started = Promise.withResolvers<void>();
  const note = (text: string) => {
    notes.push(text);
  };
  const replacement = new Replacement({
    pid: 77,
    servicePid: null,
    config: () => config,
    loadConfig: async () => valid,
    sockets: () => [{ name: 'proxy', descriptor: 9 }],
    stopControl: async () => note('control stopped'),
    resumeControl: async () => note('control resumed'),
    start: (sockets) => {
      note(`started with ${JSON.stringify(sockets)}`);
      started.resolve();
      const end = async () => {
        note('successor ended');
        outcome.resolve('it ended');
      };
      return { pid: 78, outcome: outcome.promise, end };
    },
    tell: (name) => note(name),
    ...changes,
  });
  return { replacement, notes, outcome, started: started.promise };
}

const start = 'started with [{"name":"proxy","descriptor":9}]';

describe('a replacement', () => {
  it('stops the control thread before the new process starts, and leaves it stopped when that serves', async () => {
    const { replacement, notes, outcome } = rig();
    outcome.resolve(null);
    assert.deepEqual(await replacement.replace(), { ok: true, pid: 78 });
    assert.deepEqual(notes, ['replacing', 'control stopped', start]);
  });

  it('ends a process that does not serve before the control thread starts again', async () => {
    const { replacement, notes, outcome } = rig();
    outcome.resolve('the port is taken');
    const result = await replacement.replace();
    assert.match(result.ok ? '' : result.reason, /78 does not serve: the port is taken/);
    assert.deepEqual(notes.slice(2), [start, 'successor ended', 'control resumed', 'replace-failed']);
    assert.equal((await replacement.replace()).ok, false, 'and it can be tried again');
    assert.equal(notes.filter((text) => text === start).length, 2);
  });

  it('ends a process that is not ready in time', async (t: TestContext) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const { replacement, notes, started } = rig();
    const result = replacement.replace();
    await started;
    await Promise.resolve();
    mock.timers.tick(successorReadyMs);
    assert.deepEqual(await result, {
      ok: false,
      reason: 'the new process 78 does not serve: it was not ready within 30 s',
    });
    assert.ok(notes.indexOf('successor ended') < notes.indexOf('control resumed'));
  });

  it('is refused while one is under way', async () => {
    const { replacement, started, outcome } = rig();
    const first = replacement.replace();
    await started;
    const second = await replacement.replace();
    assert.deepEqual(second, { ok: false, reason: 'the process is being replaced already' });
    outcome.resolve(null);
    assert.equal((await first).ok, true);
  });

  it('ends with the process, and then resumes nothing', async () => {
    const { replacement, notes, started } = rig();
    const result = replacement.replace();
    await started;
    await replacement.abandon();
    assert.deepEqual(await result, { ok: false, reason: 'the process ends' });
    assert.ok(notes.includes('successor ended'));
    assert.ok(!notes.includes('control resumed'));
  });

  it('goes on when the new process cannot even be started', async () => {
    const { replacement, notes } = rig({
      start: () => {
        throw new Error('EMFILE');
      },
    });
    const result = await replacement.replace();
    assert.match(result.ok ? '' : result.reason, /could not be started: EMFILE/);
    assert.ok(notes.includes('control resumed'));
  });

  const place = { file: 'c.yaml', line: 3, column: 5, path: 'workers', hint: null };
  const problems = [{ ...place, message: 'expected a number' }];
  const moved: LoadResult = {
    ...valid,
    config: { ...config, listen: { ...config.listen, proxy: { host: '127.0.0.1', port: 81 } } },
  };
  const refusals: [string, Partial<Replaceable>, RegExp][] = [
    ['of process 1', { pid: 1 }, /process 1 of a container/],
    ["of systemd's main process", { servicePid: 77 }, /systemd would end the service/],
    ['without a config file', { loadConfig: async () => undefined }, /no config file/],
    [
      'with a wrong config',
      { loadConfig: async () => ({ ok: false, problems }) },
      /c\.yaml:3:5: workers: expected/,
    ],
    [
      'with another listen.proxy',
      { loadConfig: async () => moved },
      /from 127\.0\.0\.1:0 to 127\.0\.0\.1:81/,
    ],
    ['without a socket', { sockets: () => [] }, /nothing to hand over/],
  ];
  for (const [what, changes, reason] of refusals) {
    it(`${what} is refused, and the control thread goes on`, async () => {
      const { replacement, notes } = rig(changes);
      const result = await replacement.replace();
      assert.match(result.ok ? '' : result.reason, reason);
      assert.deepEqual(notes, ['replace-refused']);
    });
  }
});
