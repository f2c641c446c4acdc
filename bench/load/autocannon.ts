// Closed-loop load by autocannon, for machines without wrk. It needs about as much CPU per request as the
// proxies do, so throughput is often limited by autocannon instead of the proxy, and its latencies are whole
// milliseconds.
import { createRequire } from 'node:module';
import process from 'node:process';
import { runToEnd } from '../process/children.ts';
import type { LoadRequest, LoadResult } from './load.ts';

const program = createRequire(import.meta.url).resolve('autocannon');

interface AutocannonResult {
  readonly duration: number;
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly errors: number;
  readonly non2xx: number;
}

/** @throws when autocannon fails */
export async function loadByAutocannon(request: LoadRequest, cores: string | null): Promise<LoadResult> {
  return run(request, ['--duration', String(request.seconds)], cores);
}

/** Sends exactly `amount` requests. */
export function amountByAutocannon(amount: number) {
  return (request: LoadRequest, cores: string | null): Promise<LoadResult> =>
    run(request, ['--amount', String(amount)], cores);
}

async function run(request: LoadRequest, bound: string[], cores: string | null): Promise<LoadResult> {
  if (request.close) throw new Error('autocannon cannot open a connection per request; install wrk');
  const body = request.method === 'POST' ? ['--method', 'POST', '--body', 'x'.repeat(1024)] : [];
  const output = await runToEnd(
    [
      ...[process.execPath, program, '--json', '--connections', String(request.connections)],
      ...bound,
      ...body,
      request.url,
    ],
    cores,
  );
  const result = JSON.parse(output) as AutocannonResult;
  return {
    requests: result.requests.total,
    served: result.requests.total - result.non2xx,
    perSecond: result.requests.total / result.duration,
    p50Us: result.latency.p50 * 1000,
    p99Us: result.latency.p99 * 1000,
    errors: result.errors + result.non2xx,
  };
}
