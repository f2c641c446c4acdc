// Node's own HTTP parser, llhttp, as the second opinion on what a message is: strict settings, one call per
// message.
import { createRequire } from 'node:module';

interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | (Error & { code: string; reason: string; bytesParsed: number });
  finish(): unknown;
  [callback: number]: unknown;
}
interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}
interface HttpCommon {
  readonly HTTPParser: ParserClass;
  readonly methods: readonly string[];
}

// The module has no types and Node warns of it only when it is used from outside node_modules by name
// `node:`.
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as HttpCommon;

/** Methods that llhttp knows; it refuses all others, which is a matter of its tables and not of ambiguity. */
export const knownMethods: ReadonlySet<string> = new Set(methods);

/** What llhttp made of one message. */
export interface Judgement {
  error: string | null;
  headComplete: boolean;
  messageComplete: boolean;
  /** Messages completed in the bytes. */
  messageCount: number;
  method: string;
  target: string;
  status: number;
  minorVersion: number;
  keepAlive: boolean;
  /** name, value, name, value, … */
  headers: string[];
  /** latin1. */
  body: string;
}

const headerBytesMax = 1 << 20;
let now: Judgement = blank();
let skipBody = false;

function blank(): Judgement {
  return {
    error: null,
    headComplete: false,
    messageComplete: false,
    messageCount: 0,
    method: '',
    target: '',
    status: 0,
    minorVersion: 0,
    keepAlive: false,
    headers: [],
    body: '',
  };
}

const parser = new HTTPParser();
parser[HTTPParser.kOnHeaders] = (headers: string[], url: string): void => {
  if (!now.headComplete) {
    now.headers.push(...headers);
    now.target += url;
  }
};
parser[HTTPParser.kOnHeadersComplete] = (
  _major: number,
  minor: number,
  headers: string[] | undefined,
  method: number | undefined,
  url: string | undefined,
  status: number | undefined,
  _statusMessage: string,
  _upgrade: boolean,
  keepAlive: boolean,
): number => {
  if (now.headComplete) return 0;
  now.headComplete = true;
  now.minorVersion = minor;
  if (headers !== undefined) now.headers.push(...headers);
  now.method = method === undefined ? '' : (methods[method] ?? '');
  now.target += url ?? '';
  now.status = status ?? 0;
  now.keepAlive = keepAlive;
  return skipBody ? 1 : 0;
};
parser[HTTPParser.kOnBody] = (bytes: Buffer): void => {
  if (now.messageCount === 0) now.body += bytes.toString('latin1');
};
parser[HTTPParser.kOnMessageComplete] = (): void => {
  now.messageCount++;
  now.messageComplete = true;
};

function judge(type: number, bytes: Buffer, requestIsHead: boolean, isEnd: boolean): Judgement {
  now = blank();
  skipBody = requestIsHead;
  parser.initialize(type, {}, headerBytesMax, 0);
  const result = parser.execute(bytes);
  if (typeof result !== 'number') now.error = `${result.code} ${result.reason}`;
  else if (isEnd) {
    const atEnd = parser.finish();
    if (atEnd instanceof Error) now.error = atEnd.message;
  }
  return now;
}

/** Parses bytes as the beginning of a client's stream. */
export const judgeRequest = (bytes: Buffer): Judgement => judge(HTTPParser.REQUEST, bytes, false, false);

/** Parses bytes as the beginning of an upstream's stream; `isEnd` when the connection closes behind them. */
export const judgeResponse = (bytes: Buffer, requestIsHead: boolean, isEnd: boolean): Judgement =>
  judge(HTTPParser.RESPONSE, bytes, requestIsHead, isEnd);
