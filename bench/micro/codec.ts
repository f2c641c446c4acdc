// Measures the CPU per request of the codec alone, which parses a head and encodes it for forwarding: for a
// head of a browser, for the small one of a load generator, and for a response of Kong. Run: node
// bench/micro/codec.ts [iterations]
import { encodeRequestHead, RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { encodeResponseHead } from '#src/core/http1/forward-response-head.ts';
import { ConnectionHeader } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';

const browserRequest =
  'GET /assets/app.js?v=42 HTTP/1.1\r\nHost: shop.example.com\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n' +
  'Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n' +
  'Referer: http://shop.example.com/cart\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n';
const smallRequest = 'GET /api/v1/status?verbose=true HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nX-Load: 1\r\n\r\n';
const kongResponse =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\n' +
  'Connection: keep-alive\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: kong/3.10.0\r\n' +
  'X-Kong-Upstream-Latency: 3\r\nX-Kong-Proxy-Latency: 1\r\nVia: 1.1 kong/3.10.0\r\n' +
  'X-Kong-Request-Id: 0123456789abcdef0123456789abcdef\r\n\r\n';

const limits = { headBytes: 32_768, headerCount: 100 };

/** Nanoseconds of CPU per message. */
interface CodecFigures {
  [name: string]: { bytes: number; parseNs: number; parseAndEncodeNs: number };
}

function additionsOfPeer(): RequestAdditions {
  const additions = new RequestAdditions();
  additions.forwardedLines = Buffer.from(
    'X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8000\r\n',
  );
  additions.requestId = Buffer.from('0123456789abcdef0123456789abcdef');
  return additions;
}

/** Median of five rounds, after warm-up. */
function measure(iterations: number, once: () => number): number {
  const rounds: number[] = [];
  let sum = 0;
  for (let round = -2; round < 5; round++) {
    const begin = process.threadCpuUsage();
    for (let k = 0; k < iterations; k++) sum += once();
    const { user, system } = process.threadCpuUsage(begin);
    if (round >= 0) rounds.push(((user + system) * 1000) / iterations);
  }
  if (!(sum > 0)) throw new Error('the messages were not accepted');
  return Math.round(rounds.sort((a, b) => a - b)[2] as number);
}

function measureRequest(text: string, iterations: number): CodecFigures[string] {
  // At an odd offset of a larger buffer, as in a worker's read buffer.
  const at = 13;
  const source = new Uint8Array(65_536);
  source.set(Buffer.from(text, 'latin1'), at);
  const out = new Uint8Array(65_536);
  const end = at + text.length;
  const head = new RequestHead();
  const additions = additionsOfPeer();
  const parse = (): number => parseRequestHead(source, at, end, head, limits);
  const parseAndEncode = (): number => {
    parseRequestHead(source, at, end, head, limits);
    return encodeRequestHead(source, head, out, 0, additions);
  };
  return {
    bytes: text.length,
    parseNs: measure(iterations, parse),
    parseAndEncodeNs: measure(iterations, parseAndEncode),
  };
}

function measureResponse(text: string, iterations: number): CodecFigures[string] {
  const at = 13;
  const source = new Uint8Array(65_536);
  source.set(Buffer.from(text, 'latin1'), at);
  const out = new Uint8Array(65_536);
  const end = at + text.length;
  const head = new ResponseHead();
  const parse = (): number => parseResponseHead(source, at, end, head, limits, false, false);
  const parseAndEncode = (): number => {
    parseResponseHead(source, at, end, head, limits, false, false);
    return encodeResponseHead(source, head, out, 0, 1, ConnectionHeader.none, false);
  };
  return {
    bytes: text.length,
    parseNs: measure(iterations, parse),
    parseAndEncodeNs: measure(iterations, parseAndEncode),
  };
}

/** Measures all messages. With few iterations it only shows that the benchmark works. */
function benchCodec(iterations: number): CodecFigures {
  return {
    smallRequest: measureRequest(smallRequest, iterations),
    browserRequest: measureRequest(browserRequest, iterations),
    kongResponse: measureResponse(kongResponse, iterations),
  };
}

if (import.meta.main) console.table(benchCodec(Number(process.argv[2] ?? 200_000)));
