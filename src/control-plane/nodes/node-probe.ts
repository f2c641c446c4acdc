// One active check of one node: a connection of its own, a request, the status, read by the parser that reads
// answers for clients. It uses a plain socket rather than node:http, because that takes half the CPU, and
// while little happens probes are the largest part of what the control thread costs.
import { connect } from 'node:net';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { type OwnResource, shortResource } from '#src/core/telemetry/own-shortage.ts';
import { readBufferBytes } from '#src/limits.ts';

interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  /** Begins with a slash; printable ASCII. */
  readonly path: string;
  readonly timeoutMs: number;
  /** Ends the probe at once; it then counts as failed. */
  readonly signal: AbortSignal;
}

/** Statuses from here on are failures: Kong answers 404 where it has no route, and is healthy. */
const failureFrom = 500;
/** Heads are mostly shorter. */
const readBytes = 2_048;
/** A check asks whether the node answers. The workers decide how large a head clients may get. */
const limits = { headBytes: readBufferBytes, headerCount: readBufferBytes };

/** A resource of ours was short: the node was not asked. */
interface ProbeShortage {
  readonly shortage: OwnResource;
}

/** Null: the node answered well. A text: what was wrong with it. */
type ProbeResult = string | null | ProbeShortage;

/** Asks the node. Never rejects. */
export function probeNode({ host, port, path, timeoutMs, signal }: ProbeOptions): Promise<ProbeResult> {
  if (signal.aborted) return Promise.resolve('the check was stopped');
  return new Promise((resolve) => {
    const answer = new ProbeAnswer();
    const take = (length: number, buffer: Uint8Array): boolean => {
      const verdict = answer.add(buffer.subarray(0, length));
      if (verdict !== undefined) finish(verdict);
      return true;
    };
    // No connection is kept: a probe shall find out whether the node still accepts one.
    const socket = connect({ host, port, onread: { buffer: Buffer.allocUnsafe(readBytes), callback: take } });
    const stop = () => finish('the check was stopped');
    const timer = setTimeout(() => finish(`no answer within ${timeoutMs} ms`), timeoutMs);
    timer.unref();
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(result);
      socket.destroy();
    };
    signal.addEventListener('abort', stop);
    socket.on('error', (error) => finish(resultOf(error)));
    socket.once('close', () => finish('the connection was closed'));
    socket.write(probeRequest(host, port, path), 'latin1');
  });
}

function resultOf({ code, message }: NodeJS.ErrnoException): ProbeResult {
  const shortage = shortResource(code ?? '');
  return shortage === null ? message : { shortage };
}

/** What a check sends; `host` is a name or an address, of IPv6 without brackets. */
export function probeRequest(host: string, port: number, path: string): string {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `GET ${path} HTTP/1.1\r\nhost: ${authority}\r\nuser-agent: crossover-health\r\nconnection: close\r\n\r\n`;
}

/** An answer as far as it has come. */
class ProbeAnswer {
  readonly #head = new ResponseHead();
  #bytes: Uint8Array = new Uint8Array(0);

  /** Null when it is a good one, what is wrong with it otherwise; undefined while that can't be told yet. */
  add(chunk: Uint8Array): string | null | undefined {
    // A copy, because the socket reads the next chunk into the same bytes.
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const { length } = this.#bytes;
    for (let at = 0; at < length; ) {
      const end = parseResponseHead(this.#bytes, at, length, this.#head, limits, false, false);
      if (end < 0) return `its answer is not HTTP/1.1: ${this.#head.error}`;
      if (end === 0) return;
      const { status, isInterim } = this.#head;
      if (!isInterim) return status < failureFrom ? null : `it answered ${status}`;
      at = end;
    }
    return;
  }
}
