// One measurement of one proxy. Everything is read from outside the proxy: its CPU time and memory from
// /proc, the number of requests from the load generator.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { idleConnections, type LoadCase, memoryLoadSeconds } from './cases.ts';
import type { Cores } from './cores.ts';
import type { LoadGenerator } from './load/load.ts';
import { loadOpenLoop } from './load/open-loop.ts';
import { coreBusyNs, cpuUsage, processTree, proportionalBytes, residentBytes } from './process/usage.ts';
import type { RunningProxy } from './proxy.ts';

/** Figures of one measurement; null where a case does not have one. */
export interface Measurement {
  readonly perSecond: number | null;
  readonly cpuUs: number | null;
  readonly cpuUserUs: number | null;
  readonly cpuKernelUs: number | null;
  /** How much of its core the proxy used, 0..1. */
  readonly busy: number | null;
  /** How much of the proxy's core others used, 0..1. Null when nothing is pinned. */
  readonly foreign: number | null;
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  readonly residentBytes: number | null;
  /** With pages that several processes share counted in parts. */
  readonly proportionalBytes: number | null;
  readonly idleConnectionBytes: number | null;
  readonly errors: number;
  readonly overloaded: boolean;
}

/** A measurement that has no figure yet. */
export const nothingMeasured: Measurement = {
  perSecond: null,
  cpuUs: null,
  cpuUserUs: null,
  cpuKernelUs: null,
  busy: null,
  foreign: null,
  p50Us: null,
  p99Us: null,
  residentBytes: null,
  proportionalBytes: null,
  idleConnectionBytes: null,
  errors: 0,
  overloaded: false,
};

interface LoadSettings {
  readonly connections: number;
  readonly seconds: number;
  readonly cores: Cores;
}

/** Runs a load generator against the proxy. */
export async function measureLoad(
  proxy: RunningProxy,
  load: LoadGenerator,
  { path, method, close }: LoadCase,
  { connections, seconds, cores }: LoadSettings,
): Promise<Measurement> {
  const url = `http://127.0.0.1:${proxy.port}${path}`;
  const meter = startMeter(proxy, cores);
  const result = await load({ url, method, close, connections, seconds }, cores.load);
  const { requests, perSecond, p50Us, p99Us, errors } = result;
  return { ...nothingMeasured, ...meter(requests), perSecond, p50Us, p99Us, errors };
}

/** Sends GETs for `path` at a fixed rate, requests per second. */
export async function measureAtRate(
  proxy: RunningProxy,
  path: string,
  rate: number,
  { connections, seconds, cores }: LoadSettings,
): Promise<Measurement> {
  const meter = startMeter(proxy, cores);
  const request = { port: proxy.port, path, connections, seconds, rate };
  const { requests, p50Us, p99Us, errors, overloaded } = await loadOpenLoop(request, cores.load);
  // Beyond its capacity a proxy's latency is the length of the queue when the run ended: no figure of the
  // proxy.
  const latency = overloaded ? {} : { p50Us, p99Us };
  return { ...nothingMeasured, ...meter(requests), ...latency, perSecond: rate, errors, overloaded };
}

/** Starts counting; the returned function ends it and gives the figures per request. */
function startMeter(proxy: RunningProxy, cores: Cores) {
  const pids = processTree(proxy.child.pid);
  const core = cores.proxy === null ? null : Number(cores.proxy);
  const cpuBefore = cpuUsage(pids);
  const coreBefore = core === null ? 0 : coreBusyNs(core);
  const startedAt = performance.now();
  return (requests: number): Partial<Measurement> => {
    const wallNs = (performance.now() - startedAt) * 1e6;
    const cpu = cpuUsage(pids);
    const coreNs = core === null ? null : coreBusyNs(core) - coreBefore;
    const totalNs = cpu.totalNs - cpuBefore.totalNs;
    const userTicks = cpu.userTicks - cpuBefore.userTicks;
    const kernelTicks = cpu.kernelTicks - cpuBefore.kernelTicks;
    const userShare = userTicks / Math.max(1, userTicks + kernelTicks);
    const cpuUs = totalNs / 1000 / requests;
    return {
      cpuUs,
      cpuUserUs: cpuUs * userShare,
      cpuKernelUs: cpuUs * (1 - userShare),
      busy: totalNs / wallNs,
      foreign: coreNs === null ? null : Math.max(0, coreNs - totalNs) / wallNs,
      residentBytes: residentBytes(pids),
    };
  };
}

/**
 * Memory per connection that has had one request and is idle since. It is what the connections after the
 * first thousand add: with those the proxy grows its pools and compiles its code.
 */
export async function measureIdle(proxy: RunningProxy, settleMs: number): Promise<Measurement> {
  const pids = processTree(proxy.child.pid);
  const { first, last } = idleConnections;
  const sockets: Socket[] = [];
  try {
    await openIdle(proxy.port, sockets, first);
    await delay(settleMs);
    const before = residentBytes(pids);
    await openIdle(proxy.port, sockets, last);
    await delay(settleMs);
    const after = residentBytes(pids);
    return {
      ...nothingMeasured,
      residentBytes: after,
      idleConnectionBytes: (after - before) / (last - first),
    };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Memory of the proxy's processes once each of the loads has run for its part of a minute. */
export async function measureMemory(
  proxy: RunningProxy,
  load: LoadGenerator,
  loads: readonly LoadCase[],
  settings: LoadSettings,
): Promise<Measurement> {
  const seconds = Math.round(memoryLoadSeconds / loads.length);
  let errors = 0;
  for (const one of loads) errors += (await measureLoad(proxy, load, one, { ...settings, seconds })).errors;
  const pids = processTree(proxy.child.pid);
  return {
    ...nothingMeasured,
    residentBytes: residentBytes(pids),
    proportionalBytes: proportionalBytes(pids),
    errors,
  };
}

/** Opens in small groups: idle clients of the real world did not connect in the same millisecond either. */
async function openIdle(port: number, sockets: Socket[], count: number): Promise<void> {
  const groupSize = 20;
  while (sockets.length < count) {
    const group = await Promise.all(Array.from({ length: groupSize }, () => openAndAsk(port)));
    sockets.push(...group);
  }
}

async function openAndAsk(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('GET /idle HTTP/1.1\r\nHost: bench.example\r\n\r\n');
  await once(socket, 'data');
  return socket;
}
