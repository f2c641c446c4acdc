// Freezes the evidence of a revert, after the revert was made and recorded: nothing here can delay or undo
// it. The numbers are taken at once. The workers are asked for the requests, and what they do not answer is
// left out.

import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { NodeDirectory } from '#src/control-plane/nodes/node-directory.ts';
import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { percentOf } from '#src/core/rollout/percent-of.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { rolloutIdOf } from '#src/core/rollout/rollout-id.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import { commonRequestText } from '#src/record/common-request.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import type { RequestSample } from '#src/shared-memory/messages.ts';
import { causeSamples } from './cause-samples.ts';
import { EvidenceTrail, trailMs } from './evidence-trail.ts';

/** How many records of ten seconds of traffic are read at a start: as many as the trail is long. */
const restoredRecordsMax = 60;

interface EvidenceRecorderOptions {
  readonly store: DurableStore;
  readonly events: EventLog;
  readonly directory: NodeDirectory;
  readonly routeSlots: () => RouteSlots;
  readonly rolloutState: () => RolloutState;
  readonly verdict: () => Verdict | null;
  readonly configRevision: () => number;
  readonly requestSamples: () => Promise<readonly RequestSample[]>;
  readonly epochMs: () => number;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export class EvidenceRecorder {
  readonly #options: EvidenceRecorderOptions;
  readonly #trail = new EvidenceTrail();
  readonly #pending = new Set<Promise<void>>();
  #hasObserved = false;
  // As of the last tick. What the next sample brings was counted under these, but for its very end.
  #rolloutId: string | null;
  #slots: RouteSlots;

  constructor(options: EvidenceRecorderOptions) {
    this.#options = options;
    this.#rolloutId = null;
    this.#slots = options.routeSlots();
  }

  /** Goes on with the traffic that was recorded before a restart. */
  async restore(): Promise<void> {
    const { store, epochMs, routeSlots, rolloutState } = this.#options;
    this.#rolloutId = rolloutIdOf(rolloutState());
    const nowMs = epochMs();
    const windows = await store.read('readTraffic', nowMs - trailMs, nowMs, restoredRecordsMax);
    // Traffic that is restored too late would stand behind newer traffic.
    if (windows.ok && !this.#hasObserved) this.#trail.restore(windows.value, routeSlots());
  }

  observe(sample: TickSample): void {
    this.#hasObserved = true;
    const { epochMs, rolloutState, routeSlots } = this.#options;
    this.#trail.add(sample, epochMs(), this.#rolloutId, this.#slots);
    this.#rolloutId = rolloutIdOf(rolloutState());
    this.#slots = routeSlots();
  }

  /** Freezes what led to a revert; returns before anything is written. Other transitions are passed over. */
  onTransition(transition: Transition): void {
    if (transition.name !== 'reverted') return;
    // Runs after the transition has taken effect, so that an error here cannot become an error there.
    const freezing = Promise.resolve()
      .then(() => this.#freeze(transition))
      .catch((error: unknown) => this.#reportFailure(error))
      .finally(() => this.#pending.delete(freezing));
    this.#pending.add(freezing);
  }

  /** Resolves when everything frozen so far is in the store's hands. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #freeze(transition: Transition): Promise<void> {
    const { store, events } = this.#options;
    const numbers = this.#numbers(transition);
    const { samples, problem } = await this.#samples(this.#sinceMs(transition), numbers);
    const evidence: FrozenEvidence = { ...numbers, samples, problem };
    const { windows, routes } = evidence;
    const what = evidence.rolloutId === null ? 'What preceded the way back to X' : 'Evidence of the revert';
    const kept = `${counted(windows.length, 'window')}, ${counted(routes.length, 'route')}, ${counted(samples.length, 'request')}`;
    const common = commonRequestText(samples);
    const event = events.draft({
      name: 'evidence-frozen',
      text: `${what} is kept: ${kept}.${common === null ? '' : ` ${common}.`}`,
      detail: { evidence: evidence.id, rollout: evidence.rolloutId },
    });
    events.announce(event);
    store.saveEvidence(evidence, event);
  }

  /**
   * When the evidence begins: minutes before the revert, but not before this rollout, because failures of an
   * earlier one say nothing about it. A beginning in the future means that the clock was set back, and limits
   * nothing.
   */
  #sinceMs({ atMs, from }: Transition): number {
    const beganMs = 'plan' in from ? from.plan.startedAtMs : this.#trail.beganMs;
    return beganMs > atMs ? atMs - trailMs : Math.max(atMs - trailMs, beganMs);
  }

  #numbers(transition: Transition): Omit<FrozenEvidence, 'samples' | 'problem'> {
    const { directory, verdict, configRevision } = this.#options;
    const { atMs, from, to, actor, reason } = transition;
    const rolloutId = rolloutIdOf(from);
    return {
      id: rolloutId ?? `split-${Math.round(atMs)}`,
      atMs,
      rolloutId,
      actor,
      cause: to.phase === 'reverted' ? to.cause : { name: 'operator', text: reason },
      fromWeight: percentOf(from.weightPpm),
      configRevision: configRevision(),
      // Before the first step, the last verdict is on the rollout before.
      verdict: from.phase === 'preflight' ? null : verdict(),
      windows: this.#trail.windows(),
      routes: this.#trail.worstRoutes(rolloutId),
      nodes: { x: directory.views('x'), y: directory.views('y') },
    };
  }

  async #samples(
    sinceMs: number,
    { cause, verdict }: Pick<FrozenEvidence, 'cause' | 'verdict'>,
  ): Promise<Pick<FrozenEvidence, 'samples' | 'problem'>> {
    try {
      const remembered = await this.#options.requestSamples();
      const samples = causeSamples(remembered, cause.name, verdict);
      return { samples: samples.filter(({ atMs }) => atMs >= sinceMs), problem: null };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { samples: [], problem: `The requests could not be had: ${why}` };
    }
  }

  #reportFailure(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const text = `The evidence of the revert could not be kept: ${why}.`;
    this.#options.events.add({ name: 'evidence-lost', level: 'error', text });
  }
}
