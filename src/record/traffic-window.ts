// The traffic as it is kept: all that the analysis was given, so that other thresholds can be tried on it
// later. While a rollout runs it is kept tick by tick, so that the same thresholds come to the same verdict
// at the same moment; otherwise by the second. Counts of what did not happen are left out.
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { isRunning } from '#src/core/rollout/transitions.ts';
import { ArmSample, type TickSample } from '#src/core/telemetry/sample.ts';
import { PPM } from '#src/limits.ts';
import type { EvidenceShare } from './evidence-share.ts';

/**
 * Counters of an arm by their name in ArmSample: a number, or gaps and counts in turn for the places that are
 * not 0.
 */
export type ArmCounters = Readonly<Record<string, number | readonly number[]>>;

/** Where the rollout was while the traffic came in. */
export interface RolloutPlace {
  readonly id: string;
  readonly phase: RolloutState['phase'];
  readonly stepIndex: number;
  readonly weightPpm: number;
  readonly nextWeightPpm: number;
}

export interface TrafficWindow {
  /** Its end, Unix epoch ms. */
  readonly atMs: number;
  readonly dtMs: number;
  /** Null while there was no rollout. */
  readonly rollout: RolloutPlace | null;
  /** How near the verdict was to a revert and to an advance at its end; absent before the first verdict. */
  readonly evidence?: EvidenceShare;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly weightPpm: number;
    readonly x: ArmCounters;
    readonly y: ArmCounters;
  }[];
}

/** The place of a state, as the analysis was told of it. */
function placeOf(state: RolloutState): RolloutPlace | null {
  if (!('plan' in state)) return null;
  const { phase, plan } = state;
  const stepIndex =
    'stepIndex' in state ? state.stepIndex : phase === 'preflight' ? 0 : plan.stepsPpm.length - 1;
  const { weightPpm } = state;
  return { id: plan.id, phase, stepIndex, weightPpm, nextWeightPpm: plan.stepsPpm[stepIndex + 1] ?? PPM };
}

/** Counters of an arm, without what is 0. */
export function armCounters(arm: ArmSample): ArmCounters {
  const counters: Record<string, number | readonly number[]> = {};
  for (const [name, value] of Object.entries(arm) as [string, number | Float64Array][]) {
    if (typeof value === 'number') {
      if (value !== 0) counters[name] = value;
      continue;
    }
    const counts = gapsAndCounts(value);
    if (counts.length > 0) counters[name] = counts;
  }
  return counters;
}

function gapsAndCounts(values: Float64Array): number[] {
  const list: number[] = [];
  let after = 0;
  for (let index = 0; index < values.length; index++) {
    const count = values[index] as number;
    if (count === 0) continue;
    list.push(index - after, count);
    after = index + 1;
  }
  return list;
}

/**
 * Fills a sample with kept counters. Names that this version does not have, and places beyond its arrays, are
 * passed over: they were kept by another version.
 */
export function fillArm(arm: ArmSample, counters: ArmCounters): void {
  const fields = arm as unknown as Record<string, number | Float64Array>;
  for (const [name, current] of Object.entries(arm) as [string, number | Float64Array][]) {
    const kept = counters[name];
    if (typeof current === 'number') {
      fields[name] = typeof kept === 'number' ? kept : 0;
      continue;
    }
    current.fill(0);
    if (typeof kept === 'object') fillPlaces(current, kept);
  }
}

function fillPlaces(into: Float64Array, gapsAndCounts: readonly number[]): void {
  let at = 0;
  for (let i = 0; i + 1 < gapsAndCounts.length; i += 2) {
    at += gapsAndCounts[i] as number;
    if (at >= into.length) return;
    into[at++] = gapsAndCounts[i + 1] as number;
  }
}

interface OpenEpoch {
  weightPpm: number;
  readonly x: ArmSample;
  readonly y: ArmSample;
}

const calmWindowMs = 1_000;

/**
 * Gathers ticks into windows. A window never straddles a step, so that what it holds belongs to one place.
 */
export class WindowRecorder {
  readonly #epochs = new Map<number, OpenEpoch>();
  /**
   * Counters of windows that have ended, to be used again: new ones four times a second would be most of the
   * garbage.
   */
  readonly #spare: OpenEpoch[] = [];
  #place: RolloutPlace | null = null;
  #dtMs = 0;
  #atMs = 0;

  /** Takes a tick; returns the window that ended with or before it, or null. */
  add(sample: TickSample, state: RolloutState, epochMs: number): TrafficWindow | null {
    const place = placeOf(state);
    const moved = JSON.stringify(place) !== JSON.stringify(this.#place);
    const cut = moved ? this.flush() : null;
    this.#place = place;
    this.#dtMs += sample.dtMs;
    this.#atMs = epochMs;
    for (const { epoch, weightPpm, x, y } of sample.epochs) {
      const open = this.#epochOf(epoch, weightPpm);
      addArm(open.x, x);
      addArm(open.y, y);
    }
    // At most one window per tick: after a cut, the new one has begun with this tick.
    const full = isRunning(state) || this.#dtMs >= calmWindowMs;
    return cut ?? (full ? this.flush() : null);
  }

  /** Ends the open window; null when nothing was added since the last. */
  flush(): TrafficWindow | null {
    if (this.#dtMs === 0) return null;
    const epochs = [...this.#epochs].map(([epoch, { weightPpm, x, y }]) => ({
      epoch,
      weightPpm,
      x: armCounters(x),
      y: armCounters(y),
    }));
    const window = { atMs: this.#atMs, dtMs: this.#dtMs, rollout: this.#place, epochs };
    this.#spare.push(...this.#epochs.values());
    this.#epochs.clear();
    this.#dtMs = 0;
    return window;
  }

  #epochOf(epoch: number, weightPpm: number): OpenEpoch {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    const open = this.#spare.pop() ?? { weightPpm, x: new ArmSample(), y: new ArmSample() };
    open.weightPpm = weightPpm;
    open.x.clear();
    open.y.clear();
    this.#epochs.set(epoch, open);
    return open;
  }
}

function addArm(into: ArmSample, from: ArmSample): void {
  const fields = into as unknown as Record<string, number | Float64Array>;
  for (const [name, value] of Object.entries(from) as [string, number | Float64Array][]) {
    const sum = fields[name];
    if (typeof value === 'number' && typeof sum === 'number') fields[name] = sum + value;
    else if (typeof value === 'object' && typeof sum === 'object') addCounts(sum, value);
  }
}

function addCounts(into: Float64Array, from: Float64Array): void {
  for (let i = 0; i < from.length; i++) into[i] = (into[i] as number) + (from[i] as number);
}
