// Chooses the core on which the proxy runs, and the cores for everything else.
import { readFileSync } from 'node:fs';
import { outputOf } from './process/children.ts';

export interface Cores {
  /** For taskset: one core. Null when nothing can be pinned. */
  readonly proxy: string | null;
  readonly load: string | null;
}

/** The last core this process may use is the proxy's; all others are for load and backends. */
export function chooseCores(): Cores {
  const allowed = allowedCores();
  const last = allowed.at(-1);
  if (last === undefined || allowed.length < 2 || outputOf('taskset', '--version') === null)
    return { proxy: null, load: null };
  return { proxy: String(last), load: allowed.slice(0, -1).join(',') };
}

function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
