// The faults of Y in the demo, and when each of them begins; docs/cli.md lists them.
import type { ClusterFault } from './cluster-fault.ts';

export const faultNames = ['none', 'errors', 'latency', 'status-mix', 'dead', 'brownout'] as const;
export type FaultName = (typeof faultNames)[number];

/** A change of Y's behaviour. */
interface FaultStage {
  /** It begins when Y's share has reached this percentage, */
  readonly fromPercent: number;
  /** and so many ms have passed since. */
  readonly afterMs: number;
  readonly fault: ClusterFault;
  /** What happens, in words for the person who watches. */
  readonly text: string;
}

/** The stages of a fault, in order; none for `none`. */
export function faultStages(name: FaultName): readonly FaultStage[] {
  switch (name) {
    case 'none':
      return [];
    case 'errors':
      return [
        {
          fromPercent: 5,
          afterMs: 0,
          fault: { kind: 'errors', share: 0.05 },
          text: 'Y now answers 5 % of its requests with 500, as a plugin that broke in the upgrade would',
        },
      ];
    case 'latency':
      return [
        {
          fromPercent: 5,
          afterMs: 0,
          fault: { kind: 'latency', slowness: 1.5 },
          text: 'Y takes one and a half times as long; nothing fails',
        },
      ];
    case 'status-mix':
      return [
        {
          fromPercent: 5,
          afterMs: 0,
          fault: { kind: 'status-mix', share: 0.05 },
          text: 'Y refuses 5 % of the good credentials with 401, as after a changed plugin default',
        },
      ];
    case 'dead':
      return [
        { fromPercent: 5, afterMs: 0, fault: { kind: 'dead' }, text: 'Y is dead: nothing listens any more' },
      ];
    case 'brownout':
      return [
        {
          fromPercent: 10,
          afterMs: 0,
          fault: { kind: 'brownout', slowness: 4, hangShare: 0, unavailableShare: 0 },
          text: 'Y becomes slow: four times its latency',
        },
        {
          fromPercent: 10,
          afterMs: 5_000,
          fault: { kind: 'brownout', slowness: 10, hangShare: 0.05, unavailableShare: 0.1 },
          text: 'Y is overloaded: ten times its latency, 5 % never answered, 10 % refused with 503',
        },
      ];
  }
}

/** Decides which stage is due; the caller passes the split and the time. */
export class FaultSchedule {
  readonly #stages: readonly FaultStage[];
  #reachedAtMs: number | null = null;
  #begun = 0;

  constructor(name: FaultName) {
    this.#stages = faultStages(name);
  }

  /** The stage that begins now, or null. It has to be called often, and returns each stage once. */
  due(yPercent: number, nowMs: number): FaultStage | null {
    const stage = this.#stages[this.#begun];
    if (stage === undefined) return null;
    if (yPercent >= stage.fromPercent) this.#reachedAtMs ??= nowMs;
    if (this.#reachedAtMs === null || nowMs - this.#reachedAtMs < stage.afterMs) return null;
    this.#begun++;
    return stage;
  }
}
