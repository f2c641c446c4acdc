// Differential fuzz of the codec against llhttp: but for four listed exceptions (beyond-llhttp.ts) nothing
// that llhttp refuses, or frames or reads differently, is accepted here; no cut of the bytes changes an
// answer; what is forwarded reads back as what was meant. Run: node test/fuzz/codec-differential.ts [seed]
// [requests] [responses]
import { createRandom, type Random } from '#src/base/random.ts';
import { encodeRequestHead, RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader, Framing } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { asLlhttpTakesRequest, asLlhttpTakesResponse, plainTarget } from './beyond-llhttp.ts';
import { requestCorpus, responseCorpus } from './codec-corpus.ts';
import { type Judgement, judgeRequest, judgeResponse, knownMethods } from './llhttp-judge.ts';
import { mutate, randomCuts } from './mutate.ts';
import {
  forwardedHeaders,
  forwardedPath,
  forwardedResponseHeaders,
  type NaiveRequest,
} from './naive-forwarding.ts';
import {
  headersOf,
  lastBytes,
  lastRequestHead,
  lastResponseHead,
  type Reading,
  readRequest,
  readResponse,
} from './read-message.ts';

export interface FuzzResult {
  inputs: number;
  accepted: number;
  /** Inputs that llhttp takes as a complete message and the codec refuses, by the codec's error. */
  stricter: Map<string, number>;
  divergences: Divergence[];
}

export interface Divergence {
  what: string;
  input: string;
}

const divergencesMax = 20;
const forwardLimits = { headBytes: 16_384, headerCount: 60 };
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What is wrong between the codec's reading and llhttp's, or null. Both have seen the same whole message. */
function compareHeads(reading: Reading, judged: Judgement, requestIsHead: boolean): string | null {
  if (judged.error !== null) return `llhttp refuses: ${judged.error}`;
  if (!judged.headComplete) return 'llhttp has no complete head';
  if (judged.minorVersion !== reading.head.minorVersion) return 'minor version';
  if (!same(judged.headers, reading.headers)) return `headers: ${judged.headers.join('|')}`;
  // For a response to HEAD llhttp says it before it is told that there is no body.
  if (reading.head.keepAlive === true && !judged.keepAlive && !requestIsHead) return 'llhttp closes';
  return null;
}

/** Ends of the input that have to be judged: what we let pass, no more. */
function compareBodies(
  reading: Reading,
  bytes: Buffer,
  judged: Judgement,
  judgeShorter: (end: number) => Judgement,
): string | null {
  if (reading.outcome === 'complete') {
    if (judged.messageCount !== 1) return `llhttp counts ${judged.messageCount} messages`;
    if (judged.body !== reading.body) return 'body';
    if (judgeShorter(reading.messageEnd - 1).messageComplete) return 'llhttp ends the message earlier';
  } else if (reading.outcome === 'partial' && bytes.length > 0 && judged.messageComplete) {
    return 'llhttp completes the message';
  }
  return null;
}

/** The bytes of a chunked body that a decoder fed one byte at a time lets pass before it refuses. */
function passedBeforeRefusal(bytes: Buffer, read: (cuts: number[]) => Reading, headEnd: number): number {
  let low = headEnd;
  let high = bytes.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (read([middle]).outcome === 'refused') high = middle;
    else low = middle;
  }
  return low;
}

/** llhttp refuses methods it has no name for; the rest of such a message is judged under a name it knows. */
function withKnownMethod(bytes: Buffer, reading: Reading): Buffer {
  const method = String(reading.head.method);
  if (method === '' || knownMethods.has(method)) return bytes;
  return Buffer.from(bytes.toString('latin1').replace(method, 'POST'), 'latin1');
}

function judgedEnd(bytes: Buffer, reading: Reading, read: (cuts: number[]) => Reading): number {
  if (reading.outcome === 'complete') return reading.messageEnd;
  return reading.outcome === 'refused' ? passedBeforeRefusal(bytes, read, reading.headEnd) : bytes.length;
}

function checkRequest(random: Random, bytes: Buffer, result: FuzzResult): string | null {
  const cuts = randomCuts(random, bytes.length);
  const reading = readRequest(bytes, [bytes.length]);
  if (!same(reading, readRequest(bytes, cuts))) return `cuts ${cuts.join()} change the answer`;
  if (!reading.headComplete) {
    if (reading.outcome === 'refused' && judgeRequest(bytes).messageComplete) {
      const error = reading.error ?? '';
      result.stricter.set(error, (result.stricter.get(error) ?? 0) + 1);
    }
    return null;
  }
  result.accepted++;
  const end = judgedEnd(bytes, reading, (at) => readRequest(bytes, at));
  readRequest(bytes, [bytes.length]);
  const normal = asLlhttpTakesRequest(lastBytes(), lastRequestHead());
  const message = normal.subarray(0, end);
  const judged = judgeRequest(withKnownMethod(message, reading));
  const shorter = (at: number): Judgement => judgeRequest(withKnownMethod(normal.subarray(0, at), reading));
  return (
    compareHeads(reading, judged, false) ??
    (judged.target === plainTarget(String(reading.head.target)) ? null : `target: ${judged.target}`) ??
    (knownMethods.has(String(reading.head.method)) && judged.method !== reading.head.method
      ? `method: ${judged.method}`
      : null) ??
    compareBodies(reading, message, judged, shorter) ??
    checkForwardedRequest(random, bytes)
  );
}

const additions = new RequestAdditions();
const forwardedRequest = new RequestHead();
const out = Buffer.alloc(32_768);

function assignAdditions(random: Random): void {
  additions.trusted = random.next() < 0.5;
  additions.forwardedLines = Buffer.from(
    'X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8000\r\n',
  );
  additions.peerAddress = Buffer.from('192.0.2.1');
  additions.proto = Buffer.from('http');
  additions.port = Buffer.from('8000');
  additions.requestId = Buffer.from('0123456789abcdef0123456789abcdef');
  additions.overrideHeader = random.next() < 0.5 ? Buffer.from('x-hop') : null;
}

function checkForwardedRequest(random: Random, bytes: Buffer): string | null {
  const head = lastRequestHead();
  // The head was parsed in pieces just before; its offsets are into the same bytes.
  parseRequestHead(bytes, 0, bytes.length, head, forwardLimits);
  assignAdditions(random);
  const request: NaiveRequest = {
    method: latin1(bytes.subarray(head.start, head.methodEnd)),
    path: latin1(bytes.subarray(head.pathStart, head.pathEnd)),
    host: latin1(bytes.subarray(head.hostStart, head.hostEnd)),
    minorVersion: head.minorVersion,
    isAbsoluteForm: head.isAbsoluteForm,
    isUpgrade: head.isUpgrade,
    headers: headersOf(bytes, head),
  };
  const at = Math.floor(random.next() * 9);
  const end = encodeRequestHead(bytes, head, out, at, additions);
  if (end < 0) return 'the forwarded head does not fit';
  if (encodeRequestHead(bytes, head, out.subarray(0, end - 1), at, additions) !== -1)
    return 'fits into too little';
  encodeRequestHead(bytes, head, out, at, additions);
  const parsed = parseRequestHead(out, at, end, forwardedRequest, forwardLimits);
  if (parsed !== end) return `forwarded head is refused: ${forwardedRequest.error}`;
  return compareForwardedRequest(request, head);
}

function compareForwardedRequest(request: NaiveRequest, head: RequestHead): string | null {
  const expected = forwardedHeaders(request, additions);
  const sent = headersOf(out, forwardedRequest);
  if (!same(sent, expected)) return `forwarded ${sent.join('|')} instead of ${expected.join('|')}`;
  const id = sent.at(-1);
  if (id !== latin1(out.subarray(additions.keptRequestIdStart, additions.keptRequestIdEnd)))
    return 'request id position';
  const f = forwardedRequest;
  if (latin1(out.subarray(f.start, f.methodEnd)) !== request.method) return 'forwarded method';
  if (latin1(out.subarray(f.targetStart, f.targetEnd)) !== forwardedPath(request)) return 'forwarded target';
  if (f.framing !== head.framing || f.contentLength !== head.contentLength) return 'forwarded framing';
  if (f.isUpgrade !== head.isUpgrade || f.minorVersion !== 1) return 'forwarded upgrade or version';
  return null;
}

function checkResponse(random: Random, bytes: Buffer, result: FuzzResult): string | null {
  const requestIsHead = random.next() < 0.1;
  const isUpgradeRequest = random.next() < 0.5;
  const cuts = randomCuts(random, bytes.length);
  const read = (at: number[]): Reading => readResponse(bytes, at, requestIsHead, isUpgradeRequest);
  const reading = read([bytes.length]);
  if (!same(reading, read(cuts))) return `cuts ${cuts.join()} change the answer`;
  if (!reading.headComplete) {
    if (reading.outcome === 'refused' && judgeResponse(bytes, requestIsHead, true).messageComplete) {
      const error = reading.error ?? '';
      result.stricter.set(error, (result.stricter.get(error) ?? 0) + 1);
    }
    return null;
  }
  result.accepted++;
  const end = judgedEnd(bytes, reading, read);
  read([bytes.length]);
  const normal = asLlhttpTakesResponse(lastBytes(), lastResponseHead());
  const message = normal.subarray(0, end);
  const judged = judgeResponse(message, requestIsHead, reading.outcome === 'open');
  const shorter = (at: number): Judgement => judgeResponse(normal.subarray(0, at), requestIsHead, false);
  return (
    compareHeads(reading, judged, requestIsHead) ??
    (judged.status === reading.head.status ? null : `status: ${judged.status}`) ??
    (reading.outcome === 'open' && judged.body !== reading.body ? 'body until the end' : null) ??
    compareBodies(reading, message, judged, shorter) ??
    checkForwardedResponse(random, bytes, requestIsHead, isUpgradeRequest)
  );
}

const forwardedResponse = new ResponseHead();
const clientConnections = Object.values(ConnectionHeader);

function checkForwardedResponse(
  random: Random,
  bytes: Buffer,
  requestIsHead: boolean,
  isUpgradeRequest: boolean,
): string | null {
  const head = lastResponseHead();
  parseResponseHead(bytes, 0, bytes.length, head, forwardLimits, requestIsHead, isUpgradeRequest);
  const isUpgrade = head.status === 101;
  const minor = random.next() < 0.3 && !isUpgrade ? 0 : 1;
  const dechunk = minor === 0 && head.framing === Framing.chunked;
  const connection = isUpgrade
    ? ConnectionHeader.upgrade
    : (clientConnections[Math.floor(random.next() * 3)] ?? ConnectionHeader.none);
  const at = Math.floor(random.next() * 9);
  const end = encodeResponseHead(bytes, head, out, at, minor, connection, dechunk);
  if (end < 0) return 'the forwarded head does not fit';
  const parsed = parseResponseHead(
    out,
    at,
    end,
    forwardedResponse,
    forwardLimits,
    requestIsHead,
    isUpgradeRequest,
  );
  if (parsed !== end) return `forwarded head is refused: ${forwardedResponse.error}`;
  const expected = forwardedResponseHeaders(
    headersOf(bytes, head),
    head.status,
    isUpgrade,
    dechunk || minor === 0,
    minor,
  );
  const options = [['', 'close', 'keep-alive', 'Upgrade'][connection] ?? ''].filter(
    (option) => option !== '',
  );
  if (head.status === 426 && expected.some((text, index) => index % 2 === 0 && /^upgrade$/i.test(text)))
    options.push('Upgrade');
  if (options.length > 0) expected.push('Connection', options.join(', '));
  const sent = headersOf(out, forwardedResponse);
  if (!same(sent, expected)) return `forwarded ${sent.join('|')} instead of ${expected.join('|')}`;
  const f = forwardedResponse;
  const reason = latin1(bytes.subarray(head.statusStart + 3, head.reasonEnd));
  if (f.status !== head.status || f.minorVersion !== 1) return 'forwarded status or version';
  if (latin1(out.subarray(f.statusStart + 3, f.reasonEnd)) !== (reason === '' ? ' ' : reason))
    return 'forwarded reason';
  if (!dechunk && minor === 1 && f.framing !== head.framing) return 'forwarded framing';
  return f.contentLength === head.contentLength ? null : 'forwarded length';
}

type Check = (random: Random, bytes: Buffer, result: FuzzResult) => string | null;

function fuzz(seed: number, count: number, corpus: readonly Buffer[], check: Check): FuzzResult {
  const random = createRandom(seed);
  const result: FuzzResult = { inputs: 0, accepted: 0, stricter: new Map(), divergences: [] };
  while (result.inputs < count && result.divergences.length < divergencesMax) {
    const bytes = result.inputs < corpus.length ? (corpus[result.inputs] as Buffer) : mutate(random, corpus);
    result.inputs++;
    if (bytes.length === 0) continue;
    const what = check(random, bytes, result);
    if (what !== null) result.divergences.push({ what, input: JSON.stringify(latin1(bytes)) });
  }
  return result;
}

/** Mutated requests. The same seed gives the same inputs. */
export const fuzzRequests = (seed: number, count: number): FuzzResult =>
  fuzz(seed, count, requestCorpus, checkRequest);

/** Mutated responses. */
export const fuzzResponses = (seed: number, count: number): FuzzResult =>
  fuzz(seed, count, responseCorpus, checkResponse);

function report(kind: string, result: FuzzResult): void {
  console.log(`${kind}: ${result.inputs} inputs, ${result.accepted} heads accepted`);
  console.log(`  stricter than llhttp: ${JSON.stringify(Object.fromEntries(result.stricter))}`);
  for (const { what, input } of result.divergences) console.log(`  DIVERGENCE ${what}\n    ${input}`);
}

if (import.meta.main) {
  const [seed = Date.now() >>> 0, requests = 1_000_000, responses = 100_000] = process.argv
    .slice(2)
    .map(Number);
  console.log(`seed ${seed}`);
  const request = fuzzRequests(seed, requests);
  report('requests', request);
  const response = fuzzResponses(seed, responses);
  report('responses', response);
  process.exitCode = request.divergences.length + response.divergences.length > 0 ? 1 : 0;
}
