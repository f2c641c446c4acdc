// What a process and all its descendants have used, from Linux's /proc.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface CpuUsage {
  /** Nanoseconds on a core, user and kernel together. */
  readonly totalNs: number;
  /** Clock ticks in user space and in the kernel; coarser than the total, used for the proportion. */
  readonly userTicks: number;
  readonly kernelTicks: number;
}

const nsPerTick = 1e9 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The process and everything it started, by parent links. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat === null) continue;
    const siblings = children.get(stat.parent) ?? [];
    siblings.push(Number(name));
    children.set(stat.parent, siblings);
  }
  const tree = [pid];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

/** CPU used so far by all threads of the processes. */
export function cpuUsage(pids: readonly number[]): CpuUsage {
  let totalNs = 0;
  let userTicks = 0;
  let kernelTicks = 0;
  for (const pid of pids) {
    const stat = readStat(pid);
    if (stat === null) continue;
    userTicks += stat.userTicks;
    kernelTicks += stat.kernelTicks;
    totalNs += threadNs(pid) ?? (stat.userTicks + stat.kernelTicks) * nsPerTick;
  }
  return { totalNs, userTicks, kernelTicks };
}

/**
 * Ticks are 10 ms, half a per cent of a two-second round; schedstat has the same figure in nanoseconds where
 * it exists.
 */
function threadNs(pid: number): number | null {
  try {
    let total = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      total += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    }
    return total;
  } catch {
    return null;
  }
}

function readStat(pid: number): { parent: number; userTicks: number; kernelTicks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may contain spaces; the fields after it are
    // numbered by proc(5).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const field = (number: number) => Number(fields[number - 3]);
    return { parent: field(4), userTicks: field(14), kernelTicks: field(15) };
  } catch {
    return null; // it ended meanwhile
  }
}

/** Resident memory of the processes, bytes. */
export const residentBytes = (pids: readonly number[]): number =>
  sumOfKib(pids, 'status', /^VmRSS:\s+(\d+) kB$/m);

/** The same with each page divided by the number of processes that have it, bytes. */
export const proportionalBytes = (pids: readonly number[]): number =>
  sumOfKib(pids, 'smaps_rollup', /^Pss:\s+(\d+) kB$/m);

function sumOfKib(pids: readonly number[], file: string, line: RegExp): number {
  let bytes = 0;
  for (const pid of pids) {
    const found = line.exec(readFileSync(`/proc/${pid}/${file}`, 'latin1'));
    bytes += Number(found?.[1] ?? 0) * 1024;
  }
  return bytes;
}

/** Time a core has not been idle since boot, nanoseconds, whoever used it. */
export function coreBusyNs(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq + steal) * nsPerTick;
}
