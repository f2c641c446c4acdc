// What stands outside the traffic and may hold a rollout or send it back: business metrics, gates, change
// windows, a freeze. Here it is data that came in with an event; who asks whom is the control plane's
// business.
import type { HoldReason } from './rollout-state.ts';

/** Whether the gates of a point let the rollout pass; in words why not. */
export type GateAnswer = 'open' | { readonly text: string };

/** The moves that gates, change windows and a freeze can hold. */
export type GatedMove = 'start' | 'step' | 'full' | 'complete';

export interface Signals {
  /** Why nothing may start or advance, in words; null while nothing is frozen. */
  readonly freeze: string | null;
  /** Why this is not a time for changes, and when the next one is; null within a change window. */
  readonly window: string | null;
  readonly metrics: {
    /** Why a business metric lets nothing advance; null when none objects. */
    readonly hold: string | null;
    /** Why a business metric sends the rollout back; null when none does. */
    readonly revert: string | null;
  };
  readonly gates: {
    readonly forStart: GateAnswer;
    readonly forStep: GateAnswer;
    readonly forFull: GateAnswer;
    readonly forComplete: GateAnswer;
  };
}

/** Why a business metric lets nothing advance. */
export function holdByMetrics(signals: Signals | undefined): HoldReason | null {
  const text = signals?.metrics.hold ?? null;
  return text === null ? null : { name: 'metric', text };
}

/**
 * What holds a move that is ready otherwise. Gates come last, so that they are asked only about a move that
 * could be made.
 */
export function holdBefore(move: GatedMove, signals: Signals | undefined): HoldReason | null {
  if (signals === undefined) return null;
  if (signals.freeze !== null) return { name: 'freeze', text: signals.freeze };
  if (signals.window !== null) return { name: 'window', text: signals.window };
  const answer = gateAnswer(move, signals.gates);
  return answer === 'open' ? null : { name: 'gate', text: answer.text };
}

function gateAnswer(move: GatedMove, gates: Signals['gates']): GateAnswer {
  switch (move) {
    case 'start':
      return gates.forStart;
    case 'step':
      return gates.forStep;
    case 'full':
      return gates.forFull;
    case 'complete':
      return gates.forComplete;
  }
}
