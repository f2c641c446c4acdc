// Freezes the evidence of a revert, after it was made and recorded: nothing here can delay or undo it. The numbers are
// taken at once; the failed requests are asked of the workers, and what they do not answer is left out.
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { TickSample } from '#src/core/telemetry/sample.ts';
import type { FailureSample } from '#src/shared-memory/messages.ts';
import type { EventLog } from '../event-log.ts';
import type { NodeDirectory } from '../node-directory.ts';
import { percentOf } from '../status.ts';
import type { DurableStore } from '../store/durable-store.ts';
import { EvidenceTrail, trailMs } from './evidence-trail.ts';
import type { FailedRequest, FrozenEvidence } from './frozen-evidence.ts';

/** Records of ten seconds of traffic that are read at a start: the trail's length. */
const restoredRecordsMax = 60;

export interface EvidenceKeeperOptions {
  readonly store: DurableStore;
  readonly events: EventLog;
  readonly directory: NodeDirectory;
  readonly routeName: (slot: number) => string;
  readonly verdict: () => Verdict | null;
  readonly configRevision: () => number;
  readonly failureSamples: () => Promise<readonly FailureSample[]>;
  readonly epochMs: () => number;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export class EvidenceKeeper {
  readonly #options: EvidenceKeeperOptions;
  readonly #trail = new EvidenceTrail();
  readonly #pending = new Set<Promise<void>>();
  #hasObserved = false;

  constructor(options: EvidenceKeeperOptions) {
    this.#options = options;
  }

  /** Goes on with the traffic that was recorded before a restart. */
  async restore(): Promise<void> {
    const { store, epochMs } = this.#options;
    const nowMs = epochMs();
    const windows = await store.read('readTraffic', nowMs - trailMs, nowMs, restoredRecordsMax);
    // What comes too late would come after what is newer.
    if (windows.ok && !this.#hasObserved) this.#trail.restore(windows.value);
  }

  observe(sample: TickSample): void {
    this.#hasObserved = true;
    this.#trail.add(sample, this.#options.epochMs());
  }

  /** Freezes what led to a revert; returns before anything is written. Other transitions are passed over. */
  onTransition(transition: Transition): void {
    if (transition.name !== 'reverted') return;
    // After the transition is through, and out of reach of it: an error here must not become one there.
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
    const { samples, problem } = await this.#samples(transition.atMs - trailMs);
    const evidence: FrozenEvidence = { ...numbers, samples, problem };
    const { windows, routes } = evidence;
    const what = evidence.rolloutId === null ? 'What preceded the way back to X' : 'Evidence of the revert';
    const event = events.draft({
      name: 'evidence-frozen',
      text: `${what} is kept: ${counted(windows.length, 'window')}, ${counted(routes.length, 'route')}, ${counted(samples.length, 'failed request')}.`,
      detail: { evidence: evidence.id, rollout: evidence.rolloutId },
    });
    events.announce(event);
    store.saveEvidence(evidence, event);
  }

  #numbers(transition: Transition): Omit<FrozenEvidence, 'samples' | 'problem'> {
    const { directory, routeName, verdict, configRevision } = this.#options;
    const { atMs, from, to, actor, reason } = transition;
    const rolloutId = 'plan' in from ? from.plan.id : null;
    return {
      id: rolloutId ?? `split-${Math.round(atMs)}`,
      atMs,
      rolloutId,
      actor,
      cause: to.phase === 'reverted' ? to.cause : { name: 'operator', text: reason },
      fromWeight: percentOf(from.weightPpm),
      configRevision: configRevision(),
      verdict: verdict(),
      windows: this.#trail.windows(),
      routes: this.#trail.worstRoutes(routeName),
      nodes: { x: directory.views('x'), y: directory.views('y') },
    };
  }

  async #samples(sinceMs: number): Promise<Pick<FrozenEvidence, 'samples' | 'problem'>> {
    try {
      const samples = await this.#options.failureSamples();
      return {
        samples: samples.filter(({ atMs }) => atMs >= sinceMs).map((s) => this.#named(s)),
        problem: null,
      };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { samples: [], problem: `The failed requests could not be had: ${why}` };
    }
  }

  #named({ routeSlot, ...sample }: FailureSample): FailedRequest {
    return { ...sample, route: this.#options.routeName(routeSlot) };
  }

  #reportFailure(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const text = `The evidence of the revert could not be kept: ${why}.`;
    this.#options.events.add({ name: 'evidence-lost', level: 'error', text });
  }
}
