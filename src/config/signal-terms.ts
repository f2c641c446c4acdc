// Names and defaults of gates, metrics, windows and notifications, for the schema and for the files that
// resolve them.

/** Points of a rollout at which a gate is asked. */
export const gatePoints = [
  'before-start',
  'before-step',
  'before-full',
  'before-complete',
  'after-revert',
] as const;
/** Transitions that a notification may be about. */
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
  'stuck',
] as const;
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Defaults of list items. They are here because the schema's defaults are not filled into lists. */
export const signalDefaults = {
  metric: { interval: '15s', timeout: '5s', worse: 'higher', onViolation: 'hold', failuresInARow: 3 },
  gate: { interval: '30s', timeout: '5s', retries: 2 },
  pagerdutyUrl: 'https://events.pagerduty.com/v2/enqueue',
} as const;
