// What has been tried to save one request, and what is tried next. The rules are in recovery-policy.ts, the
// counts in outcome-ledger.ts.
import type { UpstreamNode } from '#src/data-plane/upstream/upstream-node.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';
import { X, Y } from '#src/shared-memory/layout.ts';
import type { Assignment } from './assignment.ts';
import { mayGoToX, needsBudget, RecoveryStep, stepAfterFailure, stepAfterStatus } from './recovery-policy.ts';
import type { RequestMessage } from './request-message.ts';
import { type UpstreamFailure, wasSent } from './upstream-failure.ts';

export class Recovery {
  /** Any byte of an answer came from the present cluster: the request was worked on there. */
  hasResponseBytes: boolean;
  readonly #runtime: WorkerRuntime;
  readonly #request: RequestMessage;
  readonly #assigned: Assignment;
  #hasRetriedStale: boolean;
  #hasTriedAnotherNode: boolean;
  #hasFailedOver: boolean;

  constructor(runtime: WorkerRuntime, request: RequestMessage, assigned: Assignment) {
    this.hasResponseBytes = false;
    this.#runtime = runtime;
    this.#request = request;
    this.#assigned = assigned;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
    this.#hasFailedOver = false;
  }

  reset(): void {
    this.#startOver();
    this.#hasFailedOver = false;
  }

  #startOver(): void {
    this.hasResponseBytes = false;
    this.#hasRetriedStale = false;
    this.#hasTriedAnotherNode = false;
  }

  /** After one idle connection turned out to be closed, the others are not trusted with this request. */
  get needsFreshConnection(): boolean {
    return this.#hasRetriedStale;
  }

  /** A node that swallows connects cost its time once already: no other one is waited for. */
  connectTimedOut(): void {
    this.#hasTriedAnotherNode = true;
  }

  /** The next step after a try on `failed` (null: there was no node). The step counts as taken. */
  afterFailure(
    failure: UpstreamFailure,
    wasReused: boolean,
    failed: UpstreamNode | null,
    nowMs: number,
  ): RecoveryStep {
    const { clusters, triggers } = this.#runtime;
    const { error } = failure;
    const step = stepAfterFailure(
      {
        error,
        request: this.#request,
        wasSent: wasSent(failure),
        wasReused,
        hasResponseBytes: this.hasResponseBytes,
        hasRetriedStale: this.#hasRetriedStale,
        hasTriedAnotherNode: this.#hasTriedAnotherNode,
        hasAnotherNode: failed !== null && clusters[this.#assigned.arm].hasOther(failed),
        mayLeaveCluster: this.#mayLeaveCluster,
      },
      triggers,
    );
    return this.#take(step, needsBudget(error), nowMs);
  }

  /** The next step after an answer with `status`: X answers instead, or the client gets it. */
  afterStatus(status: number, nowMs: number): RecoveryStep {
    const step = stepAfterStatus(status, this.#request, this.#mayLeaveCluster, this.#runtime.triggers);
    return this.#take(step, true, nowMs);
  }

  /**
   * Whether X may get a request that waits for Y, as after a time-out: nothing of an answer came. It is
   * bounded by what was under way.
   */
  mayGiveUpY(wasSent: boolean): boolean {
    const { triggers } = this.#runtime;
    return (
      this.#mayLeaveCluster && triggers.timeout && !this.hasResponseBytes && mayGoToX(this.#request, wasSent)
    );
  }

  get #mayLeaveCluster(): boolean {
    return this.#assigned.arm === Y && !this.#assigned.isPinned && !this.#hasFailedOver;
  }

  #take(step: RecoveryStep, needsBudget: boolean, nowMs: number): RecoveryStep {
    if (step === RecoveryStep.freshConnection) this.#hasRetriedStale = true;
    if (step === RecoveryStep.anotherNode) this.#hasTriedAnotherNode = true;
    if (step !== RecoveryStep.otherCluster || !needsBudget) return step;
    return this.#runtime.budget.withdraw(nowMs) ? step : RecoveryStep.budgetSpent;
  }

  /** The request is X's from now on. */
  moveToX(): void {
    this.#hasFailedOver = true;
    this.#assigned.arm = X;
    this.#startOver();
  }
}
