// The resolved configuration of business metrics, gates, change windows and notifications. schema-signals.ts
// has how it is written.
import type { ValueRule } from '#src/core/analysis/value-rule.ts';

export type GatePoint = 'before-start' | 'before-step' | 'before-full' | 'before-complete' | 'after-revert';

type NotifiedTransition =
  | 'started'
  | 'preflight-failed'
  | 'step'
  | 'paused'
  | 'resumed'
  | 'soak'
  | 'completed'
  | 'reverted'
  | 'split-set'
  | 'recovered'
  | 'route-parked'
  | 'route-unparked'
  | 'retest'
  | 'stuck';

export interface PromqlSource {
  readonly kind: 'promql';
  /** Base URL of the server. */
  readonly prometheus: string;
  readonly query: string;
  readonly token: string | null;
}

export interface JsonSource {
  readonly kind: 'webhook';
  readonly url: string;
  readonly pointer: string;
  readonly token: string | null;
}

interface PushedSource {
  readonly kind: 'pushed';
}

interface MetricBasics {
  readonly name: string;
  readonly intervalMs: number;
}

/**
 * A plain value. It holds the rollout while its rule is violated or there is no value; it reverts only where
 * that is configured.
 */
export interface ValueMetric extends MetricBasics {
  readonly kind: 'value';
  readonly source: PromqlSource | JsonSource | PushedSource;
  readonly rule: ValueRule;
  readonly timeoutMs: number;
  readonly onViolation: 'hold' | 'revert';
  readonly failuresInARow: number;
}

/** Successes out of trials, pushed to the control API. They are compared like errors. */
export interface TrialsMetric extends MetricBasics {
  readonly kind: 'trials';
  readonly timesX: number;
  /** Share, 0..1. */
  readonly overX: number;
}

export type BusinessMetric = ValueMetric | TrialsMetric;

export type GateQuestion =
  | { readonly kind: 'webhook'; readonly url: string; readonly secret: string | null }
  | {
      readonly kind: 'promql';
      readonly source: PromqlSource;
      readonly min: number | null;
      readonly max: number | null;
    }
  | { readonly kind: 'approval' };

export interface Gate {
  readonly name: string;
  readonly at: readonly GatePoint[];
  readonly question: GateQuestion;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
}

export type Receiver =
  | { readonly kind: 'webhook'; readonly url: string; readonly secret: string | null }
  | { readonly kind: 'slack'; readonly url: string }
  | { readonly kind: 'pagerduty'; readonly url: string; readonly routingKey: string };

export interface Notification {
  readonly name: string;
  readonly receiver: Receiver;
  readonly on: readonly NotifiedTransition[];
}
