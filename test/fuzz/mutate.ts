// Seeded mutation of HTTP messages: small changes that turn valid messages into nearly valid ones.
import type { Random } from '#src/base/random.ts';

const nastyBytes = [
  0x00, 0x01, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x2a, 0x2b, 0x2c, 0x2d, 0x2f,
  0x30, 0x31, 0x39, 0x3a, 0x3b, 0x3d, 0x3f, 0x40, 0x41, 0x5b, 0x5c, 0x5d, 0x5f, 0x61, 0x66, 0x67, 0x78, 0x7e,
  0x7f, 0x80, 0x85, 0xa0, 0xad, 0xff,
];

const fragments = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '\r\n\t',
  ' ',
  '\t',
  ' \t ',
  ':',
  ' :',
  ',',
  ', ',
  ';',
  '"',
  '\\',
  '0',
  '00',
  '0x',
  '+',
  '-',
  '5',
  '5, 5',
  '9007199254740993',
  '18446744073709551616',
  '1e3',
  'chunked',
  'chunked, chunked',
  'gzip, chunked',
  'xchunked',
  'chunked;q=1',
  'identity',
  'close',
  'keep-alive',
  'upgrade',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.10',
  'ICE/1.0',
  'GET ',
  'GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n',
  'Host: other\r\n',
  'Host:\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length : 5\r\n',
  'Content-length:5\t\r\n',
  'content_length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked \r\n',
  'Transfer-Encoding: \x0bchunked\r\n',
  'Transfer-Encoding:\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: Content-Length, X-A\r\n',
  'Connection: transfer-encoding, host\r\n',
  'Connection: upgrade\r\nUpgrade: websocket\r\n',
  'Upgrade: h2c\r\n',
  'Expect: 100-continue\r\n',
  'X-A: \xe9\r\n',
  ': empty\r\n',
  'X A: b\r\n',
  'X-Request-Id: abc\r\n',
  'X-Forwarded-For: 6.6.6.6\r\n',
  '__proto__: x\r\n',
  '0\r\n\r\n',
  '1\r\na\r\n',
  ';a=b',
  ';a="q\\"x"',
  'http://h/',
  'http://u@h/',
  'https://[::1]:80',
  '*',
  '//',
  '\u00a0',
].map((text) => Buffer.from(text, 'latin1'));

const below = (random: Random, bound: number): number => Math.floor(random.next() * bound);
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)] as T;

function replace(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

/** Positions worth a change more often than others: around line ends and the first colon of a line. */
function interestingPosition(random: Random, bytes: Buffer): number {
  const from = below(random, bytes.length + 1);
  if (random.next() < 0.5) return from;
  const found = bytes.indexOf(random.next() < 0.5 ? '\r\n' : ':', from, 'latin1');
  return found < 0 ? from : Math.min(bytes.length, found + below(random, 4));
}

function mutateOnce(random: Random, bytes: Buffer, corpus: readonly Buffer[]): Buffer {
  const at = interestingPosition(random, bytes);
  switch (below(random, 10)) {
    case 0:
      return replace(bytes, at, at + 1, Buffer.of(pick(random, nastyBytes)));
    case 1:
      return replace(bytes, at, at, Buffer.of(pick(random, nastyBytes)));
    case 2:
      return replace(bytes, at, at + 1 + below(random, 3), Buffer.alloc(0));
    case 3:
    case 4:
      return replace(bytes, at, at, pick(random, fragments));
    case 5: {
      const fragment = pick(random, fragments);
      return replace(bytes, at, at + fragment.length, fragment);
    }
    case 6:
      return insertLine(random, bytes);
    case 7: {
      const end = at + below(random, 24);
      return replace(bytes, end, end, bytes.subarray(at, end));
    }
    case 8: {
      const other = pick(random, corpus);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(below(random, other.length))]);
    }
    default:
      return replace(bytes, at, at + 1, Buffer.of((bytes[at] ?? 0) ^ (1 << below(random, 8))));
  }
}

/** Inserts a fragment where a field line begins, so that it is likely to be taken for one. */
function insertLine(random: Random, bytes: Buffer): Buffer {
  const found = bytes.indexOf('\r\n', below(random, bytes.length + 1), 'latin1');
  const at = found < 0 ? bytes.length : found + 2;
  return replace(bytes, at, at, pick(random, fragments));
}

/** A message of the corpus after up to four changes; sometimes unchanged. */
export function mutate(random: Random, corpus: readonly Buffer[]): Buffer {
  let bytes = pick(random, corpus);
  const changes = below(random, 5);
  for (let change = 0; change < changes; change++) bytes = mutateOnce(random, bytes, corpus);
  return bytes;
}

/** Up to four increasing positions in (0, length), and the length. */
export function randomCuts(random: Random, length: number): number[] {
  const cuts = new Set<number>();
  for (let count = below(random, 5); count > 0; count--) cuts.add(1 + below(random, length));
  cuts.add(length);
  return [...cuts].sort((a, b) => a - b);
}
