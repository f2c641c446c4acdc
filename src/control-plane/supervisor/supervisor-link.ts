// Questions to the supervisor and its answers: reload the config, change a cluster's nodes. Each gets a
// number, and a deadline, because the supervisor may be shutting down.
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type {
  FromControl,
  NodeAssignments,
  ReloadResult,
  RequestSample,
  ToControl,
} from '#src/shared-memory/messages.ts';

/** Reading a file and telling the workers takes milliseconds. After this long nobody will answer. */
const answerMsMax = 10_000;

/** The supervisor did not take a node list over; the message says why. */
export class NodesRefused extends Error {}

export type WantedNode = Extract<FromControl, { type: 'set-nodes' }>['nodes'][number];

type Answer = ReloadResult | NodeAssignments | readonly RequestSample[];

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class SupervisorLink {
  readonly #post: (message: FromControl) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastRequestId = 0;

  constructor(post: (message: FromControl) => void) {
    this.#post = post;
  }

  /** Has the config file read again. Rejects when the supervisor does not answer. */
  async reload(): Promise<ReloadResult> {
    const answer = await this.#ask((requestId) => ({ type: 'reload', requestId }));
    return answer as ReloadResult;
  }

  /** Replaces a cluster's nodes; resolves when the workers have been told. */
  async setNodes(cluster: ClusterName, nodes: readonly WantedNode[]): Promise<NodeAssignments> {
    const answer = await this.#ask((requestId) => ({ type: 'set-nodes', requestId, cluster, nodes }));
    return answer as NodeAssignments;
  }

  /**
   * The last requests on Y that failed, were slow or answered oddly, oldest first, as the workers remember
   * them.
   */
  async requestSamples(): Promise<readonly RequestSample[]> {
    const answer = await this.#ask((requestId) => ({ type: 'report-samples', requestId }));
    return answer as readonly RequestSample[];
  }

  /** Takes an answer; one that nobody waits for is ignored. */
  receive(message: ToControl): void {
    if (message.type === 'samples') this.#settle(message.requestId, message.samples);
    if (message.type === 'reload-result') this.#settle(message.requestId, message.result);
    if (message.type !== 'nodes-applied') return;
    if (message.problem === null) this.#settle(message.requestId, message.nodes);
    else this.#take(message.requestId)?.reject(new NodesRefused(message.problem));
  }

  /** Gives up on everything that was asked. */
  close(): void {
    for (const requestId of [...this.#waiting.keys()])
      this.#fail(requestId, 'The control thread is stopping.');
  }

  #ask(makeMessage: (requestId: number) => FromControl): Promise<Answer> {
    const requestId = ++this.#lastRequestId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(requestId, 'The supervisor did not answer.'), answerMsMax);
      this.#waiting.set(requestId, { resolve, reject, timer });
      this.#post(makeMessage(requestId));
    });
  }

  #settle(requestId: number, answer: Answer): void {
    this.#take(requestId)?.resolve(answer);
  }

  #fail(requestId: number, text: string): void {
    this.#take(requestId)?.reject(new Error(text));
  }

  #take(requestId: number): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(requestId);
    return waiting;
  }
}
