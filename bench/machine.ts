// Describes the machine that a result comes from.
import { cpus, release, totalmem, type } from 'node:os';
import process from 'node:process';
import type { Cores } from './cores.ts';

/** Processor, cores, kernel, memory and pinning, one fact per line. */
export function describeMachine(cores: Cores): string[] {
  const gibibytes = (totalmem() / 1024 ** 3).toFixed(1);
  return [
    `Processor: ${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${gibibytes} GiB of memory`,
    `System: ${type()} ${release()}, Node ${process.versions.node}`,
    cores.proxy === null
      ? 'Pinning: none (taskset or a second core is missing), so figures depend on the scheduler'
      : `Pinning: the proxy under test on core ${cores.proxy}, load generator and backends on ${cores.load}`,
  ];
}
