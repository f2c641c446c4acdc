import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DemoRun } from '#src/demo/demo-run.ts';
import type { DemoSystem } from '#src/demo/demo-system.ts';
import type { Answer, ControlClient } from '#src/terminal/control-client.ts';

/**
 * A control plane whose starts of a rollout fail `failures` times, with that event; then the rollout
 * completes.
 */
function controlPlane(failures: number, failure: string) {
  const plane = { starts: 1, events: [] as { id: number; name: string; text: string }[] };
  const judge = (): void => {
    const name = plane.starts <= failures ? failure : 'rollout-completed';
    plane.events.push({ id: plane.starts, name, text: `start ${plane.starts}` });
  };
  judge();
  const status = () => ({
    phase: plane.starts > failures ? 'completed' : 'idle',
    rollout: { id: `rollout-${plane.starts}` },
    split: { y: 0 },
    hold: null,
  });
  const answer = <Body>(body: unknown): Promise<Answer<Body>> =>
    Promise.resolve({ body: body as Body, etag: null });
  const client: ControlClient = {
    url: 'http://control.example',
    get: (path) => {
      if (path === '/v1/status') return answer(status());
      const after = Number(path.split('=')[1]);
      return answer({ events: plane.events.filter(({ id }) => id > after) });
    },
    send: (_method, path) => {
      assert.equal(path, '/v1/rollout');
      plane.starts++;
      judge();
      return answer({});
    },
  };
  return { plane, client };
}

async function runAgainst(failures: number, failure = 'rollout-preflight-failed') {
  const { plane, client } = controlPlane(failures, failure);
  const system = { proxyUrl: '', controlUrl: () => '', trafficCounts: () => ({}) } as unknown as DemoSystem;
  const display = { show: () => {}, note: () => {}, close: () => {} };
  const run = new DemoRun({ fault: 'none', exit: true }, system, display, () => client);
  await run.untilDone(new AbortController().signal);
  return { starts: plane.starts, end: run.end() };
}

it('starts the rollout again when the checks before it failed', async () => {
  const { starts, end } = await runAgainst(2);
  assert.deepEqual([starts, end?.ended], [3, 'completed']);
});

it('starts the rollout when it could not start by itself', async () => {
  const { starts, end } = await runAgainst(1, 'autostart-failed');
  assert.deepEqual([starts, end?.ended], [2, 'completed']);
});

it('gives up, and says why, when the checks fail again and again', async () => {
  const { starts, end } = await runAgainst(100);
  assert.deepEqual([starts, end?.ended, end?.endText], [6, null, 'start 6']);
});
