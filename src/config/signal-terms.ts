// Words and defaults of gates, metrics, windows and notifications, for the schema and for what resolves them.

/** Points of a rollout at which a gate may stand. */
export const gatePoints = [
  'before-start',
  'before-step',
  'before-full',
  'before-complete',
  'after-revert',
] as const;
/** Transitions that may be told of. */
export const notifiedTransitions = [
  'started',
  'preflight-failed',
  'step',
  'paused',
  'resumed',
  'soak',
  'completed',
  'reverted',
  'split-set',
  'recovered',
  'route-parked',
  'route-unparked',
  'retest',
] as const;
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** What items of lists are when left out; lists are not filled in by the schema. */
export const signalDefaults = {
  metric: { interval: '15s', timeout: '5s', worse: 'higher', onViolation: 'hold', failuresInARow: 3 },
  gate: { interval: '30s', timeout: '5s', retries: 2 },
  pagerdutyUrl: 'https://events.pagerduty.com/v2/enqueue',
} as const;
