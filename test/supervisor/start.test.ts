// What happens to traffic when the start is not done and the control thread fails: one that stands in for the
// first, and does as the test says, publishes, and has no API.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';
import { freePorts } from '../../bench/process/children.ts';
import { testConfig } from '../support/crossover-config.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

/** Posts whatever it is sent after its start, and says what the supervisor tells it. */
const standIn = `
  const { parentPort } = require('node:worker_threads');
  parentPort.once('message', () => {
    parentPort.postMessage({ type: 'published' });
    parentPort.on('message', (message) => {
      if (message.post !== undefined) parentPort.postMessage(message.post);
      else if (message.type === 'stop') parentPort.postMessage({ type: 'stopped' });
      else parentPort.postMessage({ type: 'log', line: { level: 'info', message: message.type, fields: {} } });
    });
  });
`;

describe('a start whose control thread fails once workers serve', { concurrency: false }, () => {
  const signal = new Signal();
  const x = new ScriptedUpstream('x', signal.notify);
  const log: LogLine[] = [];
  before(() => x.listen());
  afterEach(() => x.forget());
  after(() => x.stop());

  /** Resolves when a client's request is under way, and the start still is. */
  async function startWithClient(): Promise<{
    control: Worker;
    started: Promise<Supervisor>;
    client: WireClient;
  }> {
    const [port = 0] = await freePorts(1);
    const config = testConfig({ x: [x.port], y: [x.port] });
    const control = new Worker(standIn, { eval: true });
    x.automatic = false;
    const started = startSupervisor({
      config: { ...config, listen: { ...config.listen, proxy: { host: '127.0.0.1', port } } },
      configPath: '(test)',
      preloaded: { control, worker: null },
      log: (line) => {
        log.push(line);
        signal.notify();
      },
    });
    started.catch(() => {});
    let client: WireClient;
    do {
      client = new WireClient(port, ['GET'], signal.notify);
      client.socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await signal.until(() => client.closed || x.requests.length > 0, 'a request to be under way');
    } while (x.requests.length === 0);
    return { control, started, client };
  }

  async function answer(client: WireClient): Promise<void> {
    x.automatic = true;
    for (const connection of x.connections) x.answerComplete(connection);
    await signal.until(() => client.closed || client.finals().length === 1, 'the answer');
    assert.equal(client.finals()[0]?.status, 200, `${client.bytes()}`);
  }

  it('goes on with another one when it is lost, and cuts nothing', async (t) => {
    const { control, started, client } = await startWithClient();
    t.after(() => client.socket.destroy());
    await control.terminate();
    const supervisor = await started;
    t.after(() => supervisor.drain());
    // On a slow machine the start goes on before the other one has its API, as it does with the first.
    await until(() => supervisor.controlPort !== 0, 'the control API');
    const livez = await fetch(`http://127.0.0.1:${supervisor.controlPort}/livez`);
    assert.equal(livez.status, 200);
    await answer(client);
    client.socket.destroy();
    assert.equal((await supervisor.drain()).cutExchanges, 0);
  });

  it('drains before it gives up', async (t) => {
    const { control, started, client } = await startWithClient();
    t.after(() => client.socket.destroy());
    control.postMessage({ post: { type: 'failed-to-start', code: 'EIO', message: 'no disk' } });
    await signal.until(
      () => client.closed || log.some(({ message }) => message === 'draining'),
      'the drain',
      () => log,
    );
    await answer(client);
    await assert.rejects(started, { code: 'EIO', message: 'no disk' });
  });
});
