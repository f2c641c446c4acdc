// Short ways to parse a text and look at the answer, for the codec's unit tests.
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import { encodeRequestHead, RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';

export const limits = { headBytes: 32_768, headerCount: 100 };
export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
export const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');

/** Puts the fields into a request that is valid without them. */
export const withFields = (fields: string, requestLine = 'POST / HTTP/1.1'): string =>
  `${requestLine}\r\nHost: a\r\n${fields}\r\n\r\n`;

export interface ParsedRequest {
  answer: number;
  bytes: Buffer;
  head: RequestHead;
}

export function parseRequest(text: string, headLimits = limits): ParsedRequest {
  const bytes = bytesOf(text);
  const head = new RequestHead();
  return { answer: parseRequestHead(bytes, 0, bytes.length, head, headLimits), bytes, head };
}

/** The error of a request that is refused, `incomplete`, or `accepted`. */
export function verdictOn(text: string, headLimits = limits): string {
  const { answer, head } = parseRequest(text, headLimits);
  if (answer === 0) return 'incomplete';
  return answer > 0 ? 'accepted' : String(head.error);
}

export interface ParsedResponse {
  answer: number;
  bytes: Buffer;
  head: ResponseHead;
}

export function parseResponse(text: string, requestIsHead = false, isUpgradeRequest = false): ParsedResponse {
  const bytes = bytesOf(text);
  const head = new ResponseHead();
  const answer = parseResponseHead(bytes, 0, bytes.length, head, limits, requestIsHead, isUpgradeRequest);
  return { answer, bytes, head };
}

/** As verdictOn, for responses. */
export function verdictOnResponse(text: string, requestIsHead = false, isUpgradeRequest = false): string {
  const { answer, head } = parseResponse(text, requestIsHead, isUpgradeRequest);
  if (answer === 0) return 'incomplete';
  return answer > 0 ? 'accepted' : String(head.error);
}

export interface FedBody {
  /** What the last feed returned. */
  answer: number;
  data: string;
  decoder: ChunkedDecoder;
}

/** Feeds a chunked body in pieces that end at `cuts` and at its end. */
export function feedChunked(text: string, cuts: readonly number[] = []): FedBody {
  const bytes = bytesOf(text);
  const decoder = new ChunkedDecoder();
  let from = 0;
  let data = '';
  for (const cut of [...cuts, bytes.length]) {
    const answer = decoder.feed(bytes, from, cut, true);
    if (answer < 0) return { answer, data, decoder };
    for (let range = 0; range < decoder.dataRangeCount; range++) {
      data += textOf(bytes, decoder.dataRanges[range * 2] ?? 0, decoder.dataRanges[range * 2 + 1] ?? 0);
    }
    from = answer;
    if (decoder.done) break;
  }
  return { answer: from, data, decoder };
}

/** What a peer that is not trusted is said to be. */
export function untrusted(): RequestAdditions {
  const additions = new RequestAdditions();
  additions.forwardedLines = bytesOf(
    'X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8000\r\n',
  );
  additions.requestId = bytesOf('0123456789abcdef0123456789abcdef');
  return additions;
}

/** A trusted proxy in front of us. */
export function trusted(): RequestAdditions {
  const additions = new RequestAdditions();
  additions.trusted = true;
  additions.peerAddress = bytesOf('192.0.2.1');
  additions.proto = bytesOf('http');
  additions.port = bytesOf('8000');
  additions.requestId = bytesOf('0123456789abcdef0123456789abcdef');
  return additions;
}

/** The head that goes upstream, as lines without the blank one. */
export function forwardRequest(text: string, additions = untrusted()): string[] {
  const { answer, bytes, head } = parseRequest(text);
  if (answer <= 0) throw new Error(`not accepted: ${head.error}`);
  const out = Buffer.alloc(65_536);
  const end = encodeRequestHead(bytes, head, out, 0, additions);
  return linesOf(out, end);
}

/** The head that goes to the client, as lines without the blank one. */
export function forwardResponse(
  text: string,
  connection: ConnectionHeader = ConnectionHeader.none,
  dechunk = false,
  clientMinorVersion: 0 | 1 = 1,
): string[] {
  const { answer, bytes, head } = parseResponse(text, false, true);
  if (answer <= 0) throw new Error(`not accepted: ${head.error}`);
  const out = Buffer.alloc(65_536);
  return linesOf(out, encodeResponseHead(bytes, head, out, 0, clientMinorVersion, connection, dechunk));
}

function linesOf(out: Buffer, end: number): string[] {
  const text = textOf(out, 0, end);
  if (!text.endsWith('\r\n\r\n')) throw new Error('the head does not end in a blank line');
  return text.slice(0, -4).split('\r\n');
}
