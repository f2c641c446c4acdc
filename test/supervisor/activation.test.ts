// Listening sockets that a service manager opened: restarts refuse and reset nothing, and no thread takes a
// socket along.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Config } from '#src/config/config.ts';
import type { ActivatedReport } from '../support/activated-child.ts';
import { ConnectLoad } from '../support/connect-load.ts';
import { testConfig } from '../support/crossover-config.ts';
import { holdSocket } from '../support/held-socket.ts';
import { Restartable } from '../support/restartable.ts';
import { Signal } from '../support/signal.ts';
import { TokenUpstream } from '../support/token-upstream.ts';

const perSecond = 150;
/** Bounds what waits for a machine that is slower than the load. */
const openMax = 50;
const entry = fileURLToPath(new URL('../support/activated-child.ts', import.meta.url));

class Activated {
  readonly reports: ActivatedReport[] = [];
  readonly #signal = new Signal();
  readonly child: ChildProcess;

  constructor(t: TestContext, descriptors: readonly number[], config: Config, names = 'proxy') {
    const variables = `LISTEN_FDS=${descriptors.length} LISTEN_FDNAMES=${names} LISTEN_PID=$$`;
    const shell = `${variables} exec "$0" "$@"`;
    this.child = fork(entry, {
      execPath: '/bin/sh',
      execArgv: ['-c', shell, process.execPath],
      stdio: ['ignore', 'inherit', 'inherit', ...descriptors, 'ipc'],
    });
    t.after(() => this.child.kill('SIGKILL'));
    this.child.on('message', (report: ActivatedReport) => {
      this.reports.push(report);
      this.#signal.notify();
    });
    this.child.send({ config });
  }

  /** Resolves when there are so many reports of that kind. */
  async until(isWanted: (report: ActivatedReport) => boolean, count = 1): Promise<ActivatedReport> {
    const found = () => this.reports.filter(isWanted);
    await this.#signal.until(
      () => found().length >= count,
      `${count} reports: ${isWanted}`,
      () => this.reports,
    );
    return found()[count - 1] as ActivatedReport;
  }
}

const isLogged = (message: string) => (report: ActivatedReport) =>
  report.type === 'log' && report.line.message === message;

describe('socket activation', { concurrency: false }, () => {
  const x = new TokenUpstream({ cluster: 'x', node: 'x0' });
  const y = new TokenUpstream({ cluster: 'y', node: 'y0' });
  before(() => Promise.all([x.listen(), y.listen()]));
  after(() => Promise.all([x.stop(), y.stop()]));

  it('lets connections wait while the process is stopped and started, and loses none', async (t) => {
    const { descriptor, release } = holdSocket();
    t.after(release);
    const crossover = new Restartable();
    t.after(() => crossover.stop());
    const options = { workers: 2, xPort: x.port, yPort: y.port, descriptor };
    const { port } = await crossover.start(options);
    const load = new ConnectLoad({ port, perSecond, openMax });
    await load.untilAnswered(perSecond);
    for (let restart = 0; restart < 2; restart++) {
      await crossover.terminate();
      assert.equal((await crossover.start(options)).port, port);
      await load.untilAnswered(perSecond);
    }
    // A socket that was inherited is handed on as well.
    assert.equal((await crossover.replace()).reason, null);
    await load.untilAnswered(perSecond);
    const report = await load.stop();
    assert.deepEqual(report.problems, []);
    assert.equal(report.answered, report.connects);
    assert.equal(x.deliveries.size + y.deliveries.size, report.connects);
  });

  it('keeps the socket and the connections in it when every worker is lost', async (t) => {
    const { descriptor, release } = holdSocket();
    const activated = new Activated(t, [descriptor], testConfig({ workers: 2, x: [x.port], y: [y.port] }));
    const serves = await activated.until(({ type }) => type === 'serves');
    release(); // from here on only the process itself has it
    assert.ok(serves.type === 'serves');
    for (const terminate of [0, 1]) activated.child.send({ terminate });
    await activated.until(isLogged('proxy worker lost'), 2);
    const load = new ConnectLoad({ port: serves.port, perSecond, openMax });
    await activated.until(isLogged('proxy worker replaced'), 2);
    await load.untilAnswered(perSecond);
    const report = await load.stop();
    assert.deepEqual(report.problems, []);
    assert.equal(report.answered, report.connects);
  });

  it('takes the control API from the socket of that name, and keeps it when its thread is lost', async (t) => {
    const proxy = holdSocket();
    const control = holdSocket();
    const descriptors = [control.descriptor, proxy.descriptor];
    const config = testConfig({ x: [x.port], y: [y.port] });
    const activated = new Activated(t, descriptors, config, 'control:proxy');
    const serves = await activated.until(({ type }) => type === 'serves');
    for (const { release } of [proxy, control]) release();
    assert.ok(serves.type === 'serves');
    const livez = () => fetch(`http://127.0.0.1:${serves.controlPort}/livez`).then(({ status }) => status);
    assert.equal(await livez(), 200);
    activated.child.send({ terminate: 'control' });
    await activated.until(isLogged('control thread lost; traffic goes on at the last split'));
    assert.equal(await livez(), 200, 'asked before the next thread listens, answered by it');
  });

  it('warns when the port is not the configured one', async (t) => {
    const { descriptor, release } = holdSocket();
    t.after(release);
    const config = testConfig({ x: [x.port], y: [y.port] });
    const proxy = { host: '127.0.0.1', port: 1 };
    const activated = new Activated(t, [descriptor], { ...config, listen: { ...config.listen, proxy } });
    await activated.until(({ type }) => type === 'serves');
    const isWarning = (report: ActivatedReport) => report.type === 'log' && report.line.level === 'warn';
    const warning = await activated.until(isWarning);
    assert.match(JSON.stringify(warning), /not on that of listen\.proxy.*"configured":1/);
  });

  it('is refused with a descriptor that is no socket', async (t) => {
    const descriptor = openSync('/dev/null', 'r');
    t.after(() => closeSync(descriptor));
    const activated = new Activated(t, [descriptor], testConfig({ x: [x.port], y: [y.port] }));
    const failed = await activated.until(({ type }) => type === 'failed');
    assert.deepEqual(failed, { type: 'failed', message: 'inherited descriptor 3 is not an open socket' });
  });
});
