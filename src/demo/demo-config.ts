// The configuration the demo runs with. It differs from the defaults only where a demo has to: shorter times, and a larger
// accepted harm, so that a minute of modest traffic is enough evidence. docs/cli.md lists these settings.

export interface DemoPace {
  /** Y's share per step, percent. */
  readonly steps: readonly number[];
  readonly bake: string;
  readonly soak: string;
  readonly warmup: string;
  /** Extra failures accepted if an advance was wrong, share of all traffic. */
  readonly harm: string;
}

/** About a minute and a quarter at the usual rate, on a machine that keeps up with it. The default configuration accepts a tenth of this harm. */
export const demoPace: DemoPace = {
  steps: [1, 5, 10, 50, 100],
  bake: '8s',
  soak: '12s',
  warmup: '5s',
  harm: '1%',
};

export interface DemoPlaces {
  readonly proxyPort: number;
  readonly controlPort: number;
  readonly xUrls: readonly string[];
  readonly yUrls: readonly string[];
  readonly storePath: string;
  /** Of the control API. */
  readonly token: string;
}

export const demoLabels = { x: 'kong-3.4.3', y: 'kong-3.10.0' } as const;

/** The demo's configuration as YAML; it is also written to a file, to look at and to reload. */
export function demoConfigText(places: DemoPlaces, pace: DemoPace): string {
  const { proxyPort, controlPort, xUrls, yUrls, storePath, token } = places;
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
thresholds: { harm: ${pace.harm}, warmup: ${pace.warmup} }
control: { token: ${JSON.stringify(token)} }
store: { sqlite: ${JSON.stringify(storePath)} }
`;
}
