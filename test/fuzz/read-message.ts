// Reads one message through the codec the way a connection does: in pieces cut anywhere, head first, then the
// body. The codec's answer is turned into plain values, so that two readings can be compared.
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import type { FieldSection } from '#src/core/http1/field-section.ts';
import { FIELD_STRIDE, Framing } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead, scanHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';

export const testLimits = { headBytes: 4096, headerCount: 40 };

/** What the codec made of one message. */
export interface Reading {
  /** `partial`: valid as far as it goes. `open`: a response that ends with its connection. */
  outcome: 'complete' | 'partial' | 'open' | 'refused';
  error: string | null;
  /** Whether the head was accepted: only then may anything have been forwarded. */
  headComplete: boolean;
  /** One past the head when it is complete. */
  headEnd: number;
  /** One past the message when it is complete. */
  messageEnd: number;
  /** Everything else that the head said, in one comparable value. */
  head: Record<string, unknown>;
  /** name, value, … in latin1. */
  headers: string[];
  body: string;
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');

export function headersOf(bytes: Uint8Array, head: FieldSection): string[] {
  const headers: string[] = [];
  for (let slot = 0; slot < head.fieldCount * FIELD_STRIDE; slot += FIELD_STRIDE) {
    const [nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0] = head.fields.subarray(slot, slot + 4);
    headers.push(latin1(bytes, nameStart, nameEnd), latin1(bytes, valueStart, valueEnd));
  }
  return headers;
}

const requestHead = new RequestHead();
const responseHead = new ResponseHead();
const decoder = new ChunkedDecoder();

/** Every reading is of a copy: the decoder overwrites white space in chunk extensions. */
let lastCopy: Buffer = Buffer.alloc(0);
/** What the last reading left of its message: the same bytes, as they may be forwarded. */
export const lastBytes = (): Buffer => lastCopy;
/** The head object of the last readRequest that accepted its head. */
export const lastRequestHead = (): RequestHead => requestHead;
/** The head object of the last readResponse that accepted its head. */
export const lastResponseHead = (): ResponseHead => responseHead;

const refused = (error: string | null): Reading => ({
  outcome: 'refused',
  error,
  headComplete: false,
  headEnd: 0,
  messageEnd: 0,
  head: {},
  headers: [],
  body: '',
});

function describeRequest(bytes: Uint8Array): Record<string, unknown> {
  const h = requestHead;
  return {
    method: latin1(bytes, h.start, h.methodEnd),
    target: latin1(bytes, h.targetStart, h.targetEnd),
    path: latin1(bytes, h.pathStart, h.pathEnd),
    host: latin1(bytes, h.hostStart, h.hostEnd),
    minorVersion: h.minorVersion,
    framing: h.framing,
    contentLength: h.contentLength,
    keepAlive: h.keepAlive,
    flags: [h.isHead, h.isConnect, h.isIdempotent, h.hasExpectContinue, h.isUpgrade, h.isAbsoluteForm].join(),
    kinds: Array.from({ length: h.fieldCount }, (_, index) => h.fields[index * FIELD_STRIDE + 4]).join(),
  };
}

function describeResponse(bytes: Uint8Array): Record<string, unknown> {
  const h = responseHead;
  return {
    status: h.status,
    reason: latin1(bytes, h.statusStart, h.reasonEnd),
    minorVersion: h.minorVersion,
    framing: h.framing,
    contentLength: h.contentLength,
    keepAlive: h.keepAlive,
    flags: [h.isInterim, h.hasKongProxyLatency, h.hasKongUpstreamLatency, h.hasKongResponseLatency].join(),
  };
}

type ParseHead = (bytes: Uint8Array, end: number) => number;

/**
 * Feeds the head piece by piece, and parses only where scanHead says that it pays, but at the end in any
 * case.
 *
 * @returns what the last parse said.
 */
function readHead(bytes: Uint8Array, cuts: readonly number[], parse: ParseHead): number {
  let seen = 0;
  for (const cut of cuts) {
    const isWorthIt = seen === 0 || scanHead(bytes, 0, seen, cut, testLimits) !== 0;
    const answer = parse(bytes, cut);
    if (answer > 0 && !isWorthIt) throw new Error('scanHead overlooked the end of the head');
    if (answer !== 0 && (isWorthIt || cut === cuts.at(-1))) return answer;
    seen = cut;
  }
  return 0;
}

/** Feeds the body from the end of the head on. */
function readBody(
  bytes: Uint8Array,
  cuts: readonly number[],
  reading: Reading,
  framing: Framing,
  contentLength: number,
): void {
  const headEnd = reading.headEnd;
  if (framing === Framing.chunked) {
    readChunkedBody(bytes, cuts, reading);
  } else if (framing === Framing.close) {
    reading.outcome = 'open';
    reading.body = latin1(bytes, headEnd, bytes.length);
  } else {
    const messageEnd = headEnd + contentLength;
    reading.outcome = messageEnd <= bytes.length ? 'complete' : 'partial';
    reading.messageEnd = messageEnd;
    reading.body = latin1(bytes, headEnd, Math.min(messageEnd, bytes.length));
  }
}

function readChunkedBody(bytes: Uint8Array, cuts: readonly number[], reading: Reading): void {
  decoder.reset();
  let from = reading.headEnd;
  for (const cut of cuts) {
    if (cut <= from) continue;
    const to = decoder.feed(bytes, from, cut, true);
    if (to < 0) {
      reading.outcome = 'refused';
      reading.error = decoder.error;
      reading.body = '';
      return;
    }
    for (let range = 0; range < decoder.dataRangeCount; range++) {
      const [start = 0, end = 0] = decoder.dataRanges.subarray(range * 2, range * 2 + 2);
      reading.body += latin1(bytes, start, end);
    }
    if (decoder.done) {
      reading.outcome = 'complete';
      reading.messageEnd = to;
      return;
    }
    from = to;
  }
  reading.outcome = 'partial';
}

/** Reads the first request of `source`, which arrives in pieces that end at `cuts`. */
export function readRequest(source: Uint8Array, cuts: readonly number[]): Reading {
  const bytes = Buffer.from(source);
  lastCopy = bytes;
  const parse: ParseHead = (piece, end) => parseRequestHead(piece, 0, end, requestHead, testLimits);
  const headEnd = readHead(bytes, cuts, parse);
  if (headEnd < 0) return refused(requestHead.error);
  const reading = { ...refused(null), outcome: 'partial' as const };
  if (headEnd === 0) return reading;
  const accepted: Reading = {
    ...reading,
    headComplete: true,
    headEnd,
    head: describeRequest(bytes),
    headers: headersOf(bytes, requestHead),
  };
  readBody(bytes, cuts, accepted, requestHead.framing, requestHead.contentLength);
  return accepted;
}

/** Reads the first response of `source`. */
export function readResponse(
  source: Uint8Array,
  cuts: readonly number[],
  requestIsHead: boolean,
  isUpgradeRequest: boolean,
): Reading {
  const bytes = Buffer.from(source);
  lastCopy = bytes;
  const parse: ParseHead = (piece, end) =>
    parseResponseHead(piece, 0, end, responseHead, testLimits, requestIsHead, isUpgradeRequest);
  const headEnd = readHead(bytes, cuts, parse);
  if (headEnd < 0) return refused(responseHead.error);
  const reading = { ...refused(null), outcome: 'partial' as const };
  if (headEnd === 0) return reading;
  const accepted: Reading = {
    ...reading,
    headComplete: true,
    headEnd,
    head: describeResponse(bytes),
    headers: headersOf(bytes, responseHead),
  };
  readBody(bytes, cuts, accepted, responseHead.framing, responseHead.contentLength);
  return accepted;
}
