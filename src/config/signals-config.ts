// The resolved configuration of what stands outside the traffic; how it is written is in schema-signals.ts.
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
  | 'retest';

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

/** A plain value: holds while its rule is violated or it can't be had, and reverts only where that is wanted. */
export interface ValueMetric extends MetricBasics {
  readonly kind: 'value';
  readonly source: PromqlSource | JsonSource | PushedSource;
  readonly rule: ValueRule;
  readonly timeoutMs: number;
  readonly onViolation: 'hold' | 'revert';
  readonly failuresInARow: number;
}

/** Successes out of trials, pushed: tested like the error stream. */
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
