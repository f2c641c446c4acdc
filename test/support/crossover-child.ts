// Entry of a Crossover in a process of its own for tests: takes its configuration and orders over the IPC
// channel.
import type { Config } from '#src/config/config.ts';
import { SplitCell } from '#src/shared-memory/split-cell.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';
import { traceBreakers } from './breaker-trace.ts';
import type { ChildOrder, ChildReport } from './crossover.ts';
import { until } from './until.ts';

let supervisor: Supervisor | null = null;
/** What the next reload reads. */
let nextConfig: Config | null = null;

const report = (message: ChildReport): void => {
  process.send?.(message);
};

async function start(config: Config, weightPpm: number, transport: 'raw' | 'stream'): Promise<unknown> {
  const started = await startSupervisor({
    config,
    configPath: '(test)',
    transport,
    log: (line) => report({ type: 'log', line }),
    reload: async () => ({
      ok: true,
      config: nextConfig ?? config,
      warnings: [],
      placeOf: () => ({ line: 1, column: 1 }),
    }),
  });
  supervisor = started;
  // On a slow machine a start goes on without the control thread, which then publishes the split that is on
  // record.
  await until(() => started.controlPort !== 0, 'the control API');
  if (weightPpm > 0) new SplitCell(started.memory.split).publish(weightPpm, 1);
  return { proxyPort: started.proxyPort, controlPort: started.controlPort };
}

async function obey(order: ChildOrder): Promise<unknown> {
  if (order.type === 'start') return start(order.config, order.weightPpm, order.transport);
  if (supervisor === null) throw new Error('not started');
  switch (order.type) {
    case 'publish-split':
      return new SplitCell(supervisor.memory.split).publish(order.weightPpm, 1);
    case 'ports':
      return { proxyPort: supervisor.proxyPort, controlPort: supervisor.controlPort };
    case 'terminate-worker':
      return supervisor.terminateWorker(order.index);
    case 'terminate-control':
      return supervisor.terminateControl();
    case 'reload':
      nextConfig = order.config;
      return supervisor.reload();
    case 'drain':
      return { cutExchanges: (await supervisor.drain({ isDelayed: order.isDelayed ?? false })).cutExchanges };
    case 'trace-breakers': {
      const slabs = supervisor.memory.slabs.map((slab) => new Float64Array(slab));
      return traceBreakers(slabs, order.timeoutMs);
    }
    case 'worker-counter':
      return supervisor.memory.slabs.map((slab) => new Float64Array(slab)[order.index]);
    case 'slabs':
      return supervisor.memory.slabs.map((slab) => Buffer.from(new Uint8Array(slab)).toString('base64'));
  }
}

process.on('message', ({ id, order }: { id: number; order: ChildOrder }) => {
  obey(order).then(
    (value) => report({ type: 'done', id, value }),
    (error: Error) => report({ type: 'failed', id, message: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
