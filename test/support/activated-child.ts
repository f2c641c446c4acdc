// Entry of a Crossover that was started with listening sockets, as `serve` takes them, whose threads can be
// ended.
import process from 'node:process';
import type { Config } from '#src/config/config.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { readInheritedListeners } from '#src/supervisor/inherited-listeners.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';
import { until } from './until.ts';

export type ActivatedReport =
  | { readonly type: 'serves'; readonly port: number; readonly controlPort: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'log'; readonly line: LogLine };

let supervisor: Supervisor | null = null;
const report = (message: ActivatedReport): void => {
  process.send?.(message);
};

async function start(config: Config): Promise<void> {
  const inherited = readInheritedListeners(process.env, process.pid);
  const log = (line: LogLine) => report({ type: 'log', line });
  const started = await startSupervisor({ config, configPath: '(test)', inherited, log });
  supervisor = started;
  // On a slow machine a start goes on without the control thread.
  await until(() => started.controlPort !== 0, 'the control API');
  report({ type: 'serves', port: started.proxyPort, controlPort: started.controlPort });
}

type Order = { readonly config: Config } | { readonly terminate: number | 'control' };

process.on('message', (order: Order) => {
  if ('config' in order)
    start(order.config).catch((error: Error) => report({ type: 'failed', message: error.message }));
  else if (order.terminate === 'control') void supervisor?.terminateControl();
  else void supervisor?.terminateWorker(order.terminate);
});
process.on('disconnect', () => process.exit(0));
