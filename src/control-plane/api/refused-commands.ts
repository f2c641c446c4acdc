// Puts changes that were understood but refused on record: who wanted what, and why it did not happen. What
// was malformed or not allowed is no command and is not recorded; nor is the same refusal again and again.
import type { FastifyRequest } from 'fastify';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import type { ApiProblem } from './problem.ts';

const recordedStatuses: ReadonlySet<number> = new Set([409, 412, 422, 503]);
/** A script that repeats itself is told of once in this time. */
const repeatedAfterMs = 60_000;

export class RefusedCommands {
  readonly #context: ApiContext;
  #last = '';
  #lastAtMs = 0;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** Records a refused change; reads are passed over. */
  note(request: FastifyRequest, problem: ApiProblem): void {
    const { method, routeOptions } = request;
    if (method === 'GET' || method === 'HEAD' || !recordedStatuses.has(problem.catalogError.status)) return;
    const { clock, events } = this.#context;
    const actor = actorOf(request);
    const command = `${method} ${request.url.split('?')[0] ?? routeOptions.url ?? ''}`;
    const key = `${actor} ${command} ${problem.message}`;
    const nowMs = clock.monotonicMs();
    if (key === this.#last && nowMs - this.#lastAtMs < repeatedAfterMs) return;
    this.#last = key;
    this.#lastAtMs = nowMs;
    events.add({
      name: 'command-refused',
      actor,
      level: 'warn',
      text: `${command} was refused: ${problem.message.replace(/\.$/, '')}.`,
      detail: { command, code: problem.catalogError.code, reason: reasonOf(request.body) },
    });
  }
}

const reasonOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'reason' in body ? String(body.reason) : '';
