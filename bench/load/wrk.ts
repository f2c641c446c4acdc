// Closed-loop load by wrk: as many requests as the proxy answers.
import { fileURLToPath } from 'node:url';
import { runToEnd } from '../process/children.ts';
import type { LoadRequest, LoadResult } from './load.ts';

const script = fileURLToPath(new URL('./wrk-summary.lua', import.meta.url));

interface WrkSummary {
  readonly requests: number;
  readonly served: number;
  readonly durationUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
}

/** @throws when wrk fails or prints no summary */
export async function loadByWrk(request: LoadRequest, cores: string | null): Promise<LoadResult> {
  const output = await runToEnd(
    [
      ...['wrk', '-t1', `-c${request.connections}`, `-d${request.seconds}s`, '--timeout', '5s', '-s', script],
      ...(request.close ? ['-H', 'Connection: close'] : []),
      ...[request.url, '--', request.method],
    ],
    cores,
  );
  const line = /^summary (.+)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk printed no summary: ${output}`);
  const { durationUs, ...rest } = JSON.parse(line) as WrkSummary;
  return { ...rest, perSecond: (rest.requests * 1e6) / durationUs };
}
