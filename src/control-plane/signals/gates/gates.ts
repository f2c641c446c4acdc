// The gates before the rollout's next move, and their answers. Gates are asked when everything else is ready:
// all gates at that point, and again in intervals while any of them holds. An answer counts for the step as
// it was when the gate was asked.
import type { Clock } from '#src/base/clock.ts';
import { PairCounts } from '#src/base/pair-counts.ts';
import type { Gate, GatePoint } from '#src/config/signals-config.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { askPrometheus } from '#src/control-plane/outgoing/ask-prometheus.ts';
import type { Outgoing } from '#src/control-plane/outgoing/outgoing-client.ts';
import type { QueriedCluster } from '#src/control-plane/outgoing/query-text.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import type { GateAnswer, Signals } from '#src/core/rollout/signals.ts';
import type { StoreProblem } from '#src/record/store-result.ts';
import type { Approvals } from './approvals.ts';
import { type AwaitedMove, awaitedMove, waitsForGates } from './awaited-move.ts';
import {
  type AskingTools,
  type GateVerdict,
  postSigned,
  queryVerdict,
  webhookVerdict,
} from './gate-question.ts';

export interface GateView {
  readonly name: string;
  readonly point: GatePoint;
  readonly kind: Gate['question']['kind'];
  /** `idle` until it is asked, `asking` before the first answer. */
  readonly state: 'idle' | 'asking' | 'open' | 'holding';
  readonly text: string | null;
  readonly askedAtMs: number | null;
}

interface GatesOptions {
  readonly gates: () => readonly Gate[];
  readonly clusterY: () => QueriedCluster;
  readonly approvals: Approvals;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: Pick<EventLog, 'add'>;
  /** What a webhook is sent, beside what the gate adds. */
  readonly message: (state: RolloutState) => Readonly<Record<string, unknown>>;
}

interface Asked {
  readonly gate: Gate;
  readonly point: GatePoint;
  verdict: GateVerdict | null;
  askedAtMs: number;
  nextAtMs: number;
  inFlight: boolean;
}

interface ApprovalRequest {
  readonly revision: string;
  /** Null means the gate that waits. */
  readonly gate: string | null;
  readonly actor: string;
  readonly reason: string;
}

export type ApprovalOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'stale' | 'refused' | 'ambiguous'; readonly text: string }
  | { readonly ok: false; readonly kind: 'store'; readonly problem: StoreProblem };

const keyOf = (gate: Gate, point: GatePoint): string => `${point} ${gate.name}`;

export class Gates {
  readonly #options: GatesOptions;
  readonly #stopped = new AbortController();
  readonly #counts = new PairCounts();
  #move: AwaitedMove | null = null;
  #asked = new Map<string, Asked>();
  #gates: readonly Gate[] = [];
  #lastApproval: Promise<unknown> = Promise.resolve();

  constructor(options: GatesOptions) {
    this.#options = options;
  }

  /** Follows the rollout and asks what is due; call it every tick. */
  observe(state: RolloutState): void {
    const move = awaitedMove(state);
    const gates = this.#options.gates();
    const isSame = move?.revision === this.#move?.revision && gates === this.#gates;
    this.#move = move;
    this.#gates = gates;
    // A go is valid only while the move is ready. Once it is not ready any more, the gate has to be asked
    // again.
    if (!isSame || !waitsForGates(state)) this.#asked.clear();
    if (move === null || !waitsForGates(state)) return;
    for (const { gate, point } of this.#standing(move))
      if (gate.question.kind !== 'approval') this.#askWhenDue(gate, point, state);
  }

  /** What the gates say about the state's next move. */
  answers(state: RolloutState): Signals['gates'] {
    const move = awaitedMove(state);
    const at = (point: GatePoint): GateAnswer => this.#answerAt(point, move);
    return {
      forStart: at('before-start'),
      forStep: at('before-step'),
      forFull: at('before-full'),
      forComplete: at('before-complete'),
    };
  }

  views(state: RolloutState): readonly GateView[] {
    const move = awaitedMove(state);
    return this.#options.gates().flatMap((gate) => gate.at.map((point) => this.#viewOf(gate, point, move)));
  }

  /** What approvals are for now, and the gates that still wait for one. */
  approvalView(state: RolloutState): {
    readonly revision: string | null;
    readonly waiting: readonly string[];
  } {
    const move = awaitedMove(state);
    if (move === null) return { revision: null, waiting: [] };
    return { revision: move.revision, waiting: this.#waitingForApproval(move) };
  }

  /** Approves the next move at one gate, once. */
  approve(state: RolloutState, request: ApprovalRequest): Promise<ApprovalOutcome> {
    // One after the other, because the approvals before decide what is left to approve.
    const outcome = this.#lastApproval.then(() => this.#approve(state, request));
    this.#lastApproval = outcome.catch(() => {});
    return outcome;
  }

  async #approve(
    state: RolloutState,
    { revision, gate, actor, reason }: ApprovalRequest,
  ): Promise<ApprovalOutcome> {
    const { approvals, clock, events } = this.#options;
    const move = awaitedMove(state);
    if (move === null)
      return {
        ok: false,
        kind: 'refused',
        text: `there is nothing to approve: the rollout is ${state.phase}`,
      };
    if (revision !== move.revision)
      return {
        ok: false,
        kind: 'stale',
        text: `the rollout is at revision ${move.revision}, not at ${revision}`,
      };
    const waiting = this.#waitingForApproval(move);
    const wanted = gate ?? waiting[0];
    if (wanted === undefined || !waiting.includes(wanted))
      return { ok: false, kind: 'refused', text: this.#refusal(wanted ?? null, move) };
    if (gate === null && waiting.length > 1)
      return {
        ok: false,
        kind: 'ambiguous',
        text: `several gates wait for an approval: ${waiting.join(', ')}; name one`,
      };
    const kept = await approvals.add({ gate: wanted, revision, actor, reason, atMs: clock.epochMs() });
    if (!kept.ok) return { ok: false, kind: 'store', problem: kept.problem };
    events.add({
      name: 'gate-approved',
      actor,
      text: `Gate ${wanted} was approved at ${move.points.join(' and ')}${reason === '' ? '' : `: ${reason}`}.`,
      detail: { gate: wanted, revision, reason },
    });
    return { ok: true };
  }

  /** Notifies the webhooks at after-revert. They hold nothing. */
  transition(transition: Transition): void {
    if (transition.name !== 'reverted') return;
    for (const gate of this.#options.gates()) {
      if (gate.at.includes('after-revert')) void this.#tellRevert(gate, transition);
    }
  }

  /** Answers by gate and result, since the start. */
  counts(): readonly { readonly gate: string; readonly result: string; readonly count: number }[] {
    return this.#counts.entries().map(({ first, second, count }) => ({ gate: first, result: second, count }));
  }

  stop(): void {
    this.#stopped.abort();
  }

  #standing(move: AwaitedMove): { gate: Gate; point: GatePoint }[] {
    return move.points.flatMap((point) =>
      this.#options.gates().flatMap((gate) => (gate.at.includes(point) ? [{ gate, point }] : [])),
    );
  }

  #waitingForApproval(move: AwaitedMove): readonly string[] {
    const names = this.#standing(move)
      .filter(({ gate }) => gate.question.kind === 'approval')
      .map(({ gate }) => gate.name);
    return [...new Set(names)].filter((name) => this.#options.approvals.of(name, move.revision) === null);
  }

  #refusal(gate: string | null, move: AwaitedMove): string {
    const given = gate === null ? null : this.#options.approvals.of(gate, move.revision);
    if (given !== null) return `gate ${gate} was approved already, by ${given.actor}`;
    const stands = this.#standing(move).some(({ gate: { question } }) => question.kind === 'approval');
    if (gate !== null) return `gate ${gate} does not wait for an approval at ${move.points.join(' and ')}`;
    return stands
      ? 'everything that waited for an approval here was approved already'
      : `no gate waits for an approval at ${move.points.join(' and ')}`;
  }

  #answerAt(point: GatePoint, move: AwaitedMove | null): GateAnswer {
    const held = this.#options
      .gates()
      .filter((gate) => gate.at.includes(point))
      .flatMap((gate) => this.#holdText(gate, point, move) ?? []);
    return held.length === 0 ? 'open' : { text: held.join('; ') };
  }

  #holdText(gate: Gate, point: GatePoint, move: AwaitedMove | null): string | null {
    const { name, question } = gate;
    if (question.kind === 'approval') {
      const given = move !== null && this.#options.approvals.of(name, move.revision) !== null;
      return given ? null : `gate ${name} waits for an approval of revision ${move?.revision ?? '-'}`;
    }
    // Answers belong to the move that was observed. A move that no tick has observed yet has none.
    const asked = move?.revision === this.#move?.revision ? this.#asked.get(keyOf(gate, point)) : undefined;
    if (asked === undefined || asked.verdict === null) return `gate ${name} is being asked`;
    return asked.verdict.go ? null : `gate ${name} holds: ${asked.verdict.reason}`;
  }

  #viewOf(gate: Gate, point: GatePoint, move: AwaitedMove | null): GateView {
    const basics = { name: gate.name, point, kind: gate.question.kind };
    if (move === null || !move.points.includes(point))
      return { ...basics, state: 'idle', text: null, askedAtMs: null };
    const asked = this.#asked.get(keyOf(gate, point));
    const text = this.#holdText(gate, point, move);
    const askedAtMs = asked?.askedAtMs ?? null;
    if (text === null) return { ...basics, state: 'open', text, askedAtMs };
    if (gate.question.kind === 'approval') return { ...basics, state: 'holding', text, askedAtMs };
    if (asked === undefined) return { ...basics, state: 'idle', text: null, askedAtMs };
    return { ...basics, state: asked.verdict === null ? 'asking' : 'holding', text, askedAtMs };
  }

  #askWhenDue(gate: Gate, point: GatePoint, state: RolloutState): void {
    const key = keyOf(gate, point);
    const nowMs = this.#options.clock.monotonicMs();
    const fresh: Asked = { gate, point, verdict: null, askedAtMs: 0, nextAtMs: nowMs, inFlight: false };
    const asked = this.#asked.get(key) ?? fresh;
    this.#asked.set(key, asked);
    if (asked.inFlight || nowMs < asked.nextAtMs) return;
    asked.inFlight = true;
    asked.askedAtMs = this.#options.clock.epochMs();
    void this.#ask(asked, state).then((verdict) => {
      asked.inFlight = false;
      // The wait may have ended, or another one begun.
      if (verdict !== null && this.#asked.get(key) === asked) this.#take(asked, verdict);
    });
  }

  #take(asked: Asked, verdict: GateVerdict): void {
    const { gate, point } = asked;
    const before = asked.verdict;
    asked.verdict = verdict;
    asked.nextAtMs = this.#options.clock.monotonicMs() + gate.intervalMs;
    this.#counts.add(gate.name, verdict.go ? 'go' : 'hold');
    // The same answer again is not reported.
    if (before !== null && JSON.stringify(before) === JSON.stringify(verdict)) return;
    this.#options.events.add({
      name: verdict.go ? 'gate-opened' : 'gate-held',
      level: verdict.go ? 'info' : 'warn',
      text: verdict.go
        ? `Gate ${gate.name} is open at ${point}.`
        : `Gate ${gate.name} holds at ${point}: ${verdict.reason}.`,
      detail: { gate: gate.name, point },
    });
  }

  /** Null when the process stops. */
  async #ask({ gate, point }: Asked, state: RolloutState): Promise<GateVerdict | null> {
    const { question, timeoutMs } = gate;
    const { outgoing, clusterY } = this.#options;
    try {
      if (question.kind === 'promql')
        return queryVerdict(await askPrometheus(question.source, clusterY(), timeoutMs, outgoing), question);
      if (question.kind === 'approval') return null;
      const body = JSON.stringify({ gate: gate.name, point, ...this.#options.message(state) });
      return webhookVerdict(await postSigned(question, body, gate, this.#tools()));
    } catch (error) {
      return this.#stopped.signal.aborted ? null : { go: false, reason: String(error) };
    }
  }

  async #tellRevert(gate: Gate, { to, reason }: Transition): Promise<void> {
    if (gate.question.kind !== 'webhook') return;
    const body = JSON.stringify({
      gate: gate.name,
      point: 'after-revert',
      reason,
      ...this.#options.message(to),
    });
    const answer = await postSigned(gate.question, body, gate, this.#tools()).catch(() => null);
    if (answer === null) return;
    const verdict = webhookVerdict(answer);
    this.#counts.add(gate.name, verdict.go ? 'told' : 'failed');
    if (verdict.go) return;
    this.#options.events.add({
      name: 'gate-not-told',
      level: 'warn',
      text: `Gate ${gate.name} could not be told of the revert: ${verdict.reason}.`,
      detail: { gate: gate.name },
    });
  }

  #tools(): AskingTools {
    const { outgoing, clock, random } = this.#options;
    return { outgoing, epochMs: clock.epochMs, random, signal: this.#stopped.signal };
  }
}
