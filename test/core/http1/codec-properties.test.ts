// Properties over generated messages: what is built valid is accepted with the meaning it was built with, and
// bytes of any kind are judged without a throw.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import { Framing } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { headersOf } from '../../fuzz/read-message.ts';
import { bytesOf, feedChunked, limits, parseRequest, parseResponse, textOf } from './codec-samples.ts';

const seed = Number(process.env.CODEC_FUZZ_SEED ?? Date.now() >>> 0);
const runs = { seed, numRuns: 1_000 };

const textFrom = (alphabet: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });

const tokenAlphabet = "!#$%&'*+-.^_`|~0189AZaz";
const valueAlphabet = '\t !"(),/:;<=>?@[\\]{}~09azAZ\x80\xe9\xff';
const token = textFrom(tokenAlphabet, 1, 20);
/** Own prefix, so that no generated name means something to a proxy. */
const field = fc.tuple(
  token.map((name) => `q${name}`),
  textFrom(valueAlphabet, 0, 40).map((value) => value.replace(/^[\t ]+|[\t ]+$/g, '')),
  textFrom('\t ', 0, 3),
);
const fieldLines = fc.array(field, { maxLength: 40 });
const linesOf = (fields: readonly (readonly string[])[]): string =>
  fields.map(([name, value, space]) => `${name}:${space}${value}${space}\r\n`).join('');
const targetText = textFrom('/?%&=.~!"$*@;,[]{}|\\^`AZaz09', 0, 40).map((rest) => `/${rest}`);
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'A-B_C');

describe('generated messages', () => {
  it('request built valid is accepted with every part where it was put', (t) => {
    t.diagnostic(`seed ${seed}`);
    fc.assert(
      fc.property(method, targetText, fieldLines, fc.nat(), (name, target, fields, length) => {
        const text = `${name} ${target} HTTP/1.1\r\nHost: h\r\n${linesOf(fields)}Content-Length: ${length}\r\n\r\n`;
        const { answer, bytes, head } = parseRequest(text);
        assert.equal(answer, text.length, `${head.error}`);
        assert.equal(textOf(bytes, head.start, head.methodEnd), name);
        assert.equal(textOf(bytes, head.pathStart, head.pathEnd), target);
        const expected = [['Host', 'h'], ...fields, ['Content-Length', `${length}`]];
        assert.deepEqual(
          headersOf(bytes, head),
          expected.flatMap((parts) => parts.slice(0, 2)),
        );
        assert.deepEqual([head.framing, head.contentLength], [Framing.length, length]);
      }),
      runs,
    );
  });

  it('response built valid is accepted with every part where it was put', (t) => {
    t.diagnostic(`seed ${seed}`);
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        textFrom(valueAlphabet, 0, 20),
        fieldLines,
        (status, reason, fields) => {
          const text = `HTTP/1.1 ${status} ${reason}\r\n${linesOf(fields)}\r\n`;
          const { answer, bytes, head } = parseResponse(text);
          assert.equal(answer, text.length, `${head.error}`);
          assert.equal(head.status, status);
          assert.equal(textOf(bytes, head.statusStart + 4, head.reasonEnd), reason);
          assert.deepEqual(
            headersOf(bytes, head),
            fields.flatMap((parts) => parts.slice(0, 2)),
          );
        },
      ),
      runs,
    );
  });

  it('chunked body built valid gives back its data when it is cut anywhere', (t) => {
    t.diagnostic(`seed ${seed}`);
    const chunk = fc.tuple(
      textFrom('ab\r\n0;\x00\xff', 1, 300),
      fc.constantFrom('', ';a', ';a=b', ';a="\\"\t"'),
    );
    fc.assert(
      fc.property(fc.array(chunk), fieldLines, fc.array(fc.nat(500)), (chunks, trailers, at) => {
        const lines = chunks.map(
          ([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`,
        );
        const text = `${lines.join('')}0\r\n${linesOf(trailers)}\r\n`;
        const cuts = at.filter((cut) => cut < text.length).sort((a, b) => a - b);
        const { answer, data, decoder } = feedChunked(text, cuts);
        assert.deepEqual([answer, decoder.error], [text.length, null]);
        assert.equal(data, chunks.map(([part]) => part).join(''));
        assert.equal(decoder.dataBytes, data.length);
      }),
      runs,
    );
  });

  it('bytes of any kind are judged without a throw', (t) => {
    t.diagnostic(`seed ${seed}`);
    const beginnings = [
      '',
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 200 OK\r\nA: b\r\n',
      '5\r\n',
    ];
    const requestHead = new RequestHead();
    const responseHead = new ResponseHead();
    const decoder = new ChunkedDecoder();
    fc.assert(
      fc.property(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
        const bytes = Buffer.concat([bytesOf(beginning), rest]);
        parseRequestHead(bytes, 0, bytes.length, requestHead, limits);
        parseResponseHead(bytes, 0, bytes.length, responseHead, limits, false, false);
        decoder.reset();
        decoder.feed(bytes, 0, bytes.length, true);
      }),
      { seed, numRuns: 10_000 },
    );
  });
});
