// A client of an exchange that writes down what the exchange asks of it, in order.
import type { ProxyErrorName } from '#src/base/error-catalog.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';
import type { AnswerSink, Downstream } from '#src/data-plane/exchange/downstream.ts';
import type { MessageBody } from '#src/data-plane/exchange/message-body.ts';
import type { Exchange } from '#src/data-plane/exchange.ts';
import type { Socket } from '#src/data-plane/transport/socket.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';

const textOf = (bytes: Buffer, from: number, to: number): string => bytes.toString('latin1', from, to);

export class RecordingClient implements Downstream, AnswerSink {
  readonly answer: AnswerSink = this;
  wantsPayload = false;
  /** The client takes nothing for now: what is sent waits. */
  hasPendingWrites = false;
  readonly calls: string[] = [];
  tunnel: { readonly upstream: Socket; readonly rest: string } | null = null;

  get isOver(): boolean {
    return ['done', 'cut', 'tunnel'].includes(this.calls.at(-1) ?? '');
  }

  sendInterim({ status }: ResponseHead, _source: Buffer): void {
    this.calls.push(`interim ${status}`);
  }

  sendHead(
    head: ResponseHead,
    source: Buffer,
    to: number,
    body: MessageBody,
    isRequestDone: boolean,
  ): boolean {
    const early = isRequestDone ? '' : 'early ';
    const end = body.isDone ? ' end' : '';
    this.calls.push(`${early}head ${head.status} ${this.#bodyText(source, head.headEnd, to, body)}${end}`);
    // It may be overwritten, and so it is.
    source.fill(0x21, 0, head.headEnd);
    return !this.hasPendingWrites;
  }

  sendBody(bytes: Buffer, to: number, body: MessageBody): boolean {
    this.calls.push(`body ${this.#bodyText(bytes, 0, to, body)}${body.isDone ? ' end' : ''}`);
    return !this.hasPendingWrites;
  }

  #bodyText(bytes: Buffer, from: number, to: number, { decoder }: MessageBody): string {
    if (!this.wantsPayload) return textOf(bytes, from, to);
    const { dataRanges, dataRangeCount } = decoder;
    return Array.from({ length: dataRangeCount }, (_, index) =>
      textOf(bytes, dataRanges[2 * index] as number, dataRanges[2 * index + 1] as number),
    ).join('|');
  }

  sendError(name: ProxyErrorName, _requestId: string, isRequestDone: boolean): void {
    this.calls.push(`${isRequestDone ? '' : 'early '}error ${name}`);
  }

  sendSwitch({ status }: ResponseHead, _source: Buffer): void {
    this.calls.push(`switch ${status}`);
  }

  pauseRequest(): void {
    this.calls.push('pause');
  }

  resumeRequest(): void {
    this.calls.push('resume');
  }

  exchangeDone(): void {
    this.calls.push('done');
  }

  exchangeCut(): void {
    this.calls.push('cut');
  }

  becomeTunnel(upstream: Socket, rest: Buffer): void {
    this.calls.push('tunnel');
    this.tunnel = { upstream, rest: rest.toString('latin1') };
  }
}

/** The head at the beginning of a request, which must be whole. */
export function headOf(text: string, { config }: WorkerRuntime): RequestHead {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  if (parseRequestHead(bytes, 0, bytes.length, head, config.limits) <= 0)
    throw new Error(`no request head: ${text}`);
  return head;
}

/** Starts an exchange on a request, as much of it as there is; returns how many bytes it took. */
export function startOn(
  exchange: Exchange,
  client: Downstream,
  runtime: WorkerRuntime,
  text: string,
): number {
  const bytes = Buffer.from(text, 'latin1');
  const peer = runtime.peers.find('192.0.2.1');
  return exchange.start(client, peer, peer.address, headOf(text, runtime), bytes, bytes.length);
}
