// The usual test bed: a Crossover in a process of its own between a token-checking client and token-echoing
// upstreams.
import assert from 'node:assert/strict';
import { type Crossover, startCrossover } from './crossover.ts';
import { type TestConfig, testConfig } from './crossover-config.ts';
import type { LoadReport } from './load-client.ts';
import { TokenUpstream } from './token-upstream.ts';

export interface Bed {
  readonly crossover: Crossover;
  readonly x: TokenUpstream;
  readonly y: TokenUpstream;
  stop(): Promise<void>;
}

export interface BedOptions extends Omit<TestConfig, 'x' | 'y'> {
  readonly weightPpm?: number;
  readonly fileDescriptorsMax?: number;
}

export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const x = new TokenUpstream({ cluster: 'x', node: 'x1' });
  const y = new TokenUpstream({ cluster: 'y', node: 'y1' });
  await Promise.all([x.listen(), y.listen()]);
  const { weightPpm = 0, fileDescriptorsMax, ...config } = options;
  const crossover = await startCrossover(testConfig({ ...config, x: [x.port], y: [y.port] }), {
    weightPpm,
    ...(fileDescriptorsMax === undefined ? {} : { fileDescriptorsMax }),
  }).catch(async (error: unknown) => {
    await Promise.all([x.stop(), y.stop()]);
    throw error;
  });
  return {
    crossover,
    x,
    y,
    stop: async () => {
      await crossover.stop();
      await Promise.all([x.stop(), y.stop()]);
    },
  };
}

/** What must hold whatever was done to the proxy: every request accounted for, every answer the right one. */
export function assertReconciled(report: LoadReport, upstreams: readonly TokenUpstream[]): void {
  assert.deepEqual(report.misrouted, []);
  assert.deepEqual(report.invalid, []);
  assert.equal(report.sent, report.answered + report.lost + report.aborted, 'requests unaccounted for');
  for (const upstream of upstreams) assert.equal(upstream.damaged, 0, 'damaged request bodies');
}
