// A status as the control API gives it, for tests that show it.
import type { StatusView } from '#src/control-plane/status/status.ts';

const node = (id: string) => ({
  id,
  healthy: true,
  ejected: false,
  draining: false,
  inFlight: 1,
  requests: 1000,
  failures: 1,
});

const rates = { requestsPerSecond: 0, failureRate: 0 };

/** Ramping at the third of six steps, 10 % on Y. */
export const exampleStatus: StatusView = {
  phase: 'ramping',
  step: { index: 2, count: 6, weight: 10 },
  split: { x: 90, y: 10, revision: 4 },
  clusters: {
    x: {
      label: 'kong-3.4',
      nodes: [node('10.0.1.10:8000'), node('10.0.1.11:8000')],
      requestsPerSecond: 540.4,
      answersPerSecond: 541,
      errorRate: 0.0008,
      p50Ms: 8.12,
      p99Ms: 31.4,
    },
    y: {
      label: 'kong-3.10',
      nodes: [node('10.0.2.10:8000'), { ...node('10.0.2.11:8000'), healthy: false }],
      requestsPerSecond: 60.1,
      answersPerSecond: 59.6,
      errorRate: null,
      p50Ms: null,
      p99Ms: 1250,
    },
  },
  verdict: {
    decision: 'hold',
    rule: 'needs-samples',
    text: 'needs about 480 more requests on Y to show that errors are no more frequent, 4 to 19 s at the present rate',
    logEvidence: 1.15,
    logEvidenceBar: 4.6,
    logSafeBar: 3,
    cause: 'errors',
    streams: [
      {
        stream: 'errors',
        logWorse: 1.2,
        deflation: 1,
        logSafe: 2.1,
        margin: 0.02,
        weight: 0.3,
        x: { requests: 5400, failures: 5, rate: 0.0009 },
        y: { requests: 600, failures: 1, rate: 0.0017 },
        certifiedBound: null,
      },
    ],
    samplesNeeded: 480,
    secondsNeeded: 8,
    needs: { stream: 'errors', requests: 480, seconds: 8, range: { fromSeconds: 3.2, toSeconds: 18.4 } },
    xHealthy: true,
    last10s: { x: rates, y: rates },
    last60s: { x: rates, y: rates },
  },
  hold: {
    name: 'needs-samples',
    text: 'needs about 480 more requests on Y to show that errors are no more frequent, 4 to 19 s at the present rate',
  },
  heldSeconds: 4,
  forecast: {
    step: { fromSeconds: 3.2, toSeconds: 18.4 },
    rollout: { fromSeconds: 210, toSeconds: 560 },
  },
  rollout: {
    phase: 'ramping',
    id: 'r-1',
    step: { index: 2, count: 6, weight: 10 },
    weight: 10,
    steps: [1, 5, 10, 25, 50, 100],
    startedAtMs: 1_700_000_000_000,
    startedBy: 'ada',
    reason: '',
    sinceMs: 1_700_000_060_000,
    hold: null,
    bakeMs: 60_000,
    stepTimeoutMs: 1_800_000,
    soakMs: 600_000,
    holdback: 1,
    onInconclusive: 'hold',
    onBadRoute: 'revert',
    parked: [],
    cause: null,
    failedStart: null,
  },
  signals: {
    freeze: { frozen: false, reason: null, actor: null, sinceMs: null, untilMs: null },
    window: { open: true, timeZone: 'UTC', nextOpenMs: null },
    metrics: [],
    gates: [],
    approval: { revision: null, waiting: [] },
  },
  suspects: [],
  workers: [
    {
      index: 0,
      alive: true,
      connections: 12,
      tunnels: 0,
      breaker: 'closed',
      configRevision: 1,
      splitEpoch: 4,
      loopDelayMsMax: 3,
    },
  ],
  store: { writable: true, problem: null, unrecorded: null, end: null },
  configRevision: 1,
  version: '0.1.0',
  uptimeSeconds: 192,
};

/** The same with another phase and its rollout view. */
export const inPhase = (
  phase: StatusView['phase'],
  rollout: Partial<StatusView['rollout']> = {},
): StatusView => ({
  ...exampleStatus,
  phase,
  hold: null,
  heldSeconds: null,
  forecast: null,
  rollout: { ...exampleStatus.rollout, phase, ...rollout },
});
