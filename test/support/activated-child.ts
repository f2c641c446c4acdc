// Entry of a Crossover that was started with listening sockets, as `serve` takes them, whose threads can be ended.
import process from 'node:process';
import type { Config } from '#src/config/config.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { readInheritedListeners } from '#src/supervisor/inherited-listeners.ts';
import { type Supervisor, startSupervisor } from '#src/supervisor/supervisor.ts';

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
  supervisor = await startSupervisor({ config, configPath: '(test)', inherited, log });
  report({ type: 'serves', port: supervisor.proxyPort, controlPort: supervisor.controlPort });
}

type Order = { readonly config: Config } | { readonly terminate: number | 'control' };

process.on('message', (order: Order) => {
  if ('config' in order)
    start(order.config).catch((error: Error) => report({ type: 'failed', message: error.message }));
  else if (order.terminate === 'control') void supervisor?.terminateControl();
  else void supervisor?.terminateWorker(order.terminate);
});
process.on('disconnect', () => process.exit(0));
