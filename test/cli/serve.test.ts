import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process, { platform } from 'node:process';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type KongCluster, startKongCluster } from '#src/demo/kong-cluster.ts';
import { demoApiKey } from '#src/demo/kong-routes.ts';
import { freePorts } from '../../bench/process/children.ts';
import { quickPlace } from '../support/quick-place.ts';
import { servePorts } from '../support/serve-ports.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';

const headers = { apikey: demoApiKey };

describe('crossover serve', () => {
  const folder = mkdtempSync(join(quickPlace, 'crossover-serve-'));
  /** Every process started; a test that fails must not leave one running. */
  const children = new Set<ChildProcess>();
  let cluster: KongCluster;
  before(async () => {
    cluster = await startKongCluster({ latencyMsMedian: 1, latencySigma: 0, errorShare: 0 });
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await cluster.setFault({ kind: 'none' });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  function configText(proxy = '127.0.0.1:0', drain = '1h'): string {
    return `listen: { proxy: ${proxy}, control: 127.0.0.1:0 }
workers: 1
clusters:
  x: { label: x, nodes: [${cluster.urls[0]}] }
  y: { label: y, nodes: [${cluster.urls[1]}] }
timeouts: { drain: ${drain} }
store: { sqlite: ${JSON.stringify(join(folder, 'crossover.db'))} }
`;
  }

  /** Starts the process; what it prints can be waited for. */
  function start(text: string) {
    const file = join(folder, 'crossover.yaml');
    writeFileSync(file, text);
    const entry = fileURLToPath(new URL('../../bin/crossover.js', import.meta.url));
    const child = spawn(process.execPath, [entry, 'serve', '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    child.once('close', () => children.delete(child));
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
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    /** Resolves with the first match in what was printed to either stream. */
    const printing = async (pattern: RegExp): Promise<RegExpExecArray> => {
      const find = () => pattern.exec(printed.out) ?? pattern.exec(printed.err);
      await signal.until(
        () => find() !== null || hasEnded(),
        String(pattern),
        () => printed,
      );
      return find() ?? assert.fail(`ended before ${pattern}:\n${printed.out}${printed.err}`);
    };
    return { child, file, printed, ended, printing };
  }

  const proxyUrl = async (printing: (pattern: RegExp) => Promise<RegExpExecArray>): Promise<string> =>
    `http://127.0.0.1:${(await printing(/proxies on 127\.0\.0\.1:(\d+); .*\n/))[1]}`;

  it('says in one line where it listens, serves, and exits 0 on SIGTERM when nothing was cut', async () => {
    const { child, printed, ended, printing } = start(configText());
    const url = await proxyUrl(printing);
    assert.match(printed.out, /^crossover \d+\.\d+\.\d+ proxies on .*; control API on .*\n$/);
    await until(
      () => servePorts(printed) !== null,
      'both ports',
      () => printed,
    );
    assert.equal((await fetch(`${url}/users/7`, { headers })).status, 200);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, printed.err);
    for (const line of printed.err.trim().split('\n')) {
      const { level, time } = JSON.parse(line);
      assert.equal(typeof level, 'string');
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    assert.match(printed.err, /nothing was cut/);
  });

  it('drains on SIGTERM as soon as it serves, although its start is not done', async () => {
    const [port = 0] = await freePorts(1);
    const { child, printed, ended } = start(configText(`127.0.0.1:${port}`));
    const ask = () => fetch(`http://127.0.0.1:${port}/users/7`, { headers }).catch(() => null);
    let answer: Response | null = null as Response | null;
    const isAnswered = async (): Promise<boolean> => {
      answer = await ask();
      return answer !== null;
    };
    await until(isAnswered, 'an answer', () => printed);
    assert.equal(answer?.status, 200);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, printed.err);
    assert.match(printed.err, /nothing was cut/);
  });

  it('exits 1 when the drain deadline cuts a request', async () => {
    const { child, printed, ended, printing } = start(configText('127.0.0.1:0', '1s'));
    const url = await proxyUrl(printing);
    await cluster.setFault({ kind: 'brownout', slowness: 1, hangShare: 1, unavailableShare: 0 });
    const seen = (await cluster.counts()).requestCount;
    const hanging = fetch(`${url}/users/7`, { headers }).then(
      (response) => response.status,
      () => 'cut',
    );
    await until(async () => (await cluster.counts()).requestCount > seen, 'the request');
    child.kill('SIGTERM');
    assert.equal(await ended, 1, printed.err);
    assert.notEqual(await hanging, 200);
  });

  it('ends at once with exit code 1 on the second signal', async () => {
    const { child, ended, printing } = start(configText('127.0.0.1:0', '1h'));
    const url = await proxyUrl(printing);
    await cluster.setFault({ kind: 'brownout', slowness: 1, hangShare: 1, unavailableShare: 0 });
    const seen = (await cluster.counts()).requestCount;
    const hanging = fetch(`${url}/users/7`, { headers }).catch(() => null);
    await until(async () => (await cluster.counts()).requestCount > seen, 'the request');
    child.kill('SIGINT');
    await printing(/draining/);
    child.kill('SIGTERM');
    assert.equal(await ended, 1);
    await hanging;
  });

  it('keeps the old configuration on SIGHUP when the new one is wrong, and takes it when it is right', async () => {
    const { child, file, ended, printing, printed } = start(configText());
    await proxyUrl(printing);
    writeFileSync(file, `${configText()}nonsense: 1\n`);
    child.kill('SIGHUP');
    await printing(/was not reloaded, the old one stays.*nonsense/);
    writeFileSync(file, configText().replace('workers: 1', 'workers: 2'));
    child.kill('SIGHUP');
    await printing(/was not reloaded.*crossover\.yaml:2:1: workers: threads/);
    writeFileSync(file, `${configText().replace('label: y', 'label: y2')}health: { timeout: 5s }\n`);
    child.kill('SIGHUP');
    await printing(/configuration reloaded/);
    await printing(/"level":"warn".*"warnings":\["[^"]*crossover\.yaml:8:20: health\.timeout: /);
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    for (const told of [/nonsense: unknown key/g, /workers: threads/g])
      assert.equal(printed.err.match(told)?.length, 1, 'a refusal is logged once');
  });

  it('exits 2 with every problem and its place when the configuration is wrong', async () => {
    const { printed, ended, file } = start('listen: { proxy: 1 }\nnonsense: 1\n');
    assert.equal(await ended, 2);
    assert.ok(printed.err.split('\n').filter((line) => line.startsWith(`${file}:`)).length >= 2, printed.err);
    assert.equal(printed.out, '');
  });

  it('shares its port with another process only when it is told to', {
    skip: platform !== 'linux',
  }, async (t) => {
    const other = createServer();
    t.after(() => other.close());
    const address = { host: '127.0.0.1', port: 0, reusePort: true };
    await new Promise<void>((resolve) => other.listen(address, resolve));
    const { port } = other.address() as AddressInfo;
    const text = configText(`127.0.0.1:${port}`).replace('workers: 1', 'workers: 2');
    const refused = start(text);
    assert.equal(await refused.ended, 1);
    assert.match(
      refused.printed.err,
      /another process listens on listen\.proxy \(127.*set listen\.shared: true/,
    );
    for (const workers of [2, 1]) {
      const shared = text
        .replace('listen: {', 'listen: { shared: true,')
        .replace('workers: 2', `workers: ${workers}`);
      const { child, printing, ended } = start(shared);
      await printing(/proxies on/);
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    }
  });

  it('exits 1 with advice when its port is taken', async (t) => {
    const other = createServer();
    t.after(() => other.close());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { printed, ended } = start(configText(`127.0.0.1:${port}`));
    assert.equal(await ended, 1);
    assert.match(printed.err, /error: .*\nIs another Crossover running\?/);
  });
});
