// What the kernel says about a process: memory, file descriptors, CPU. Linux only; elsewhere every figure is
// 0.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export const hasProc = existsSync('/proc/self/fd');

export function rssBytes(pid: number): number {
  if (!hasProc) return 0;
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

export function fileDescriptorCount(pid: number): number {
  return hasProc ? readdirSync(`/proc/${pid}/fd`).length : 0;
}

/** CPU time used since the start, ms; the clock tick is 10 ms on every Linux that Node runs on. */
export function cpuMs(pid: number): number {
  if (!hasProc) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * CPU time in ms of the process' threads with that name, to the microsecond; names are cut at 15 characters.
 */
export function threadCpuMs(pid: number, name: string): number {
  if (!hasProc) return 0;
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${thread}`;
    if (readFileSync(`${path}/comm`, 'utf8').trim() !== name) continue;
    ns += Number(readFileSync(`${path}/schedstat`, 'utf8').split(' ')[0]);
  }
  return ns / 1e6;
}
