// One store, several processes: the second is refused and changes nothing; the next may begin as soon as one
// is gone.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { quickFolder } from '../control-plane/support/temp-folder.ts';
import { authorization, controlToken } from '../support/control.ts';
import { servePorts } from '../support/serve-ports.ts';
import { Signal } from '../support/signal.ts';
import { runCli } from './run-cli.ts';

const entry = fileURLToPath(new URL('../../bin/crossover.js', import.meta.url));

interface Served {
  readonly child: ChildProcess;
  readonly printed: { out: string; err: string };
  readonly ended: Promise<number | null>;
  /** Notified whenever it prints something. */
  readonly signal: Signal;
  /** Resolves with the ports of proxy and control API, or with null when it ends before it listens. */
  readonly ports: Promise<[proxy: number, control: number] | null>;
}

/** Resolves with the ports when its start is on record, which nobody waits for before it listens. */
async function recorded({
  child,
  printed,
  ports,
  signal,
}: Served): Promise<[proxy: number, control: number]> {
  const found = await ports;
  assert.ok(found !== null, printed.err);
  const isRecorded = () => printed.err.includes('"event":"started"') || child.exitCode !== null;
  await signal.until(isRecorded, 'the start to be on record', () => printed);
  // The store answers in order: what was sent to it before is kept by then.
  await (await fetch(`http://127.0.0.1:${found[1]}/v1/events`, { headers: { authorization } })).text();
  return found;
}

/** Processes that share a store. Nothing listens behind them: who owns a store does not depend on that. */
function rig(t: TestContext) {
  const folder = quickFolder(t);
  const store = join(folder, 'crossover.db');
  let count = 0;

  function serve(proxyPort = 0, controlPort = 0): Served {
    const file = join(folder, `${count++}.yaml`);
    writeFileSync(
      file,
      `listen: { proxy: 127.0.0.1:${proxyPort}, control: 127.0.0.1:${controlPort} }
workers: 1
clusters:
  x: { label: x, nodes: ['http://127.0.0.1:1'] }
  y: { label: y, nodes: ['http://127.0.0.1:2'] }
control: { token: ${controlToken} }
store: { sqlite: ${JSON.stringify(store)} }
`,
    );
    const child = spawn(process.execPath, [entry, 'serve', '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    const printed = { out: '', err: '' };
    const signal = new Signal();
    for (const [name, stream] of [
      ['out', child.stdout],
      ['err', child.stderr],
    ] as const) {
      stream.on('data', (piece: Buffer) => {
        printed[name] += piece;
        signal.notify();
      });
    }
    const ended = once(child, 'close').then(([exitCode]) => {
      signal.notify();
      return exitCode as number | null;
    });
    const find = async (): Promise<[number, number] | null> => {
      const isOver = () => servePorts(printed) !== null || child.exitCode !== null;
      await signal.until(isOver, 'the ports', () => printed);
      return servePorts(printed);
    };
    return { child, printed, ended, signal, ports: find() };
  }

  /**
   * What a reader of the live file finds, but for the nodes: when they are found dead is their own affair.
   */
  function eventNames(): string[] {
    const db = new DatabaseSync(store, { readOnly: true });
    const rows = db.prepare("SELECT record ->> 'name' AS name FROM events ORDER BY id").all();
    db.close();
    return rows.map(({ name }) => String(name)).filter((name) => name !== 'node-unhealthy');
  }

  return { store, serve, eventNames };
}

test('a second process is refused the store of one that runs, and changes nothing', async (t) => {
  const { store, serve, eventNames } = rig(t);
  const first = serve();
  const ports = await recorded(first);
  const before = eventNames();
  assert.deepEqual(before, ['started']);
  for (const [proxy, control] of [ports, [0, 0]] as const) {
    const second = serve(proxy, control);
    assert.equal(await second.ended, 1, second.printed.err);
    const { err } = second.printed;
    assert.ok(err.includes(`The store ${store} is in use by another Crossover`), err);
    assert.match(err, /has it since \d{4}-\d\d-\d\dT.*Z/);
    assert.match(err, /send it SIGUSR2/);
    if (process.platform === 'linux') assert.ok(err.includes(`process ${first.child.pid} has it`), err);
    assert.equal(second.printed.out, '');
    assert.deepEqual(eventNames(), before);
  }
  assert.equal((await runCli(['events', '--verify', '--store', store])).exitCode, 0, 'it can be read');
  const frozen = await fetch(`http://127.0.0.1:${ports[1]}/v1/freeze`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ frozen: true, reason: 'to write something' }),
  });
  assert.equal(frozen.status, 200, await frozen.text());
  first.child.kill('SIGTERM');
  assert.equal(await first.ended, 0, first.printed.err);
  assert.deepEqual(eventNames(), ['started', 'frozen', 'draining']);
  assert.doesNotMatch(first.printed.err, /store-unavailable/);
});

test('a process that was killed leaves the store to the next at once', async (t) => {
  const { serve, eventNames } = rig(t);
  for (let count = 1; count <= 3; count++) {
    const process = serve();
    await recorded(process);
    assert.deepEqual(eventNames(), Array(count).fill('started'));
    process.child.kill('SIGKILL');
    await process.ended;
    assert.doesNotMatch(process.printed.err, /store-unavailable|store-not-locked/);
  }
});
