// The configuration of the demo. It differs from the defaults where it has to: times are shorter and the
// accepted harm is larger, so that a minute of little traffic is enough evidence. docs/cli.md lists these
// settings.

export interface DemoPace {
  /** Y's share per step, percent. */
  readonly steps: readonly number[];
  readonly bake: string;
  readonly soak: string;
  readonly warmup: string;
  /** Extra failures accepted if an advance was wrong, share of all traffic. */
  readonly harm: string;
  /** By how much Y may be slower; absent: as by default. */
  readonly latencyOverX?: string;
  /** Requests under way at most; absent: as many as the rate brings. */
  readonly openMax?: number;
  /** Median latency of the services; absent: that of every cluster here (kong-cluster.ts). */
  readonly latencyMsMedian?: number;
}

/**
 * A rollout takes about 75 s with it, at the usual rate on a machine that can do it. The default `harm` is a
 * tenth of this one.
 */
export const demoPace: DemoPace = {
  steps: [1, 5, 10, 50, 100],
  bake: '8s',
  soak: '12s',
  warmup: '5s',
  harm: '1%',
};

interface DemoPlaces {
  readonly proxyPort: number;
  readonly controlPort: number;
  readonly xUrls: readonly string[];
  readonly yUrls: readonly string[];
  readonly storePath: string;
  /** Of the control API. */
  readonly token: string;
}

const demoLabels = { x: 'kong-3.4.3', y: 'kong-3.10.0' } as const;

/** The demo's configuration as YAML. It is written to a file, so that it can be looked at and reloaded. */
export function demoConfigText(places: DemoPlaces, pace: DemoPace): string {
  const { proxyPort, controlPort, xUrls, yUrls, storePath, token } = places;
  const { harm, warmup, latencyOverX } = pace;
  const latency = latencyOverX === undefined ? '' : `, latency: { overX: ${latencyOverX} }`;
  return `# Written by \`crossover demo\`; gone when the demo ends.
listen: { proxy: 127.0.0.1:${proxyPort}, control: 127.0.0.1:${controlPort} }
workers: 1
clusters:
  x: { label: ${demoLabels.x}, nodes: [${xUrls.join(', ')}] }
  y: { label: ${demoLabels.y}, nodes: [${yUrls.join(', ')}] }
health: { interval: 1s }
timeouts: { responseHead: 2s, drain: 5s }
rollout:
  autostart: true
  steps: [${pace.steps.join(', ')}]
  bake: ${pace.bake}
  soak: ${pace.soak}
thresholds: { harm: ${harm}, warmup: ${warmup}${latency} }
control: { token: ${JSON.stringify(token)} }
store: { sqlite: ${JSON.stringify(storePath)} }
`;
}
