// Objects that live through millions of messages must keep one hidden class, or the code compiled for it is
// thrown away.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import { RequestAdditions } from '#src/core/http1/forward-request-head.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { requestCorpus, responseCorpus } from '../../fuzz/codec-corpus.ts';
import { bytesOf, forwardRequest, limits, trusted, untrusted } from './codec-samples.ts';

setFlagsFromString('--allow-natives-syntax');
const haveSameMap = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;

const huge = Number.MAX_SAFE_INTEGER;

describe('object shapes', () => {
  it('haveSameMap tells shapes apart when a field is added', () => {
    assert.equal(haveSameMap({ a: 1 }, { a: 2 }), true);
    assert.equal(haveSameMap({ a: 1 }, { a: 2, b: 3 }), false);
  });

  it('request heads have one shape whatever they parsed, and a fresh one has it too', () => {
    const early = new RequestHead();
    const used = new RequestHead();
    const large = bytesOf(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${huge}\r\n\r\n`);
    for (const bytes of [...requestCorpus, large]) {
      parseRequestHead(bytes, 0, bytes.length, used, limits);
      assert.equal(haveSameMap(early, used), true, bytes.toString('latin1'));
    }
    assert.equal(haveSameMap(new RequestHead(), used), true);
  });

  it('response heads have one shape whatever they parsed, and a fresh one has it too', () => {
    const early = new ResponseHead();
    const used = new ResponseHead();
    const large = bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: ${huge}\r\n\r\n`);
    for (const bytes of [...responseCorpus, large]) {
      parseResponseHead(bytes, 0, bytes.length, used, limits, false, true);
      assert.equal(haveSameMap(early, used), true, bytes.toString('latin1'));
    }
    assert.equal(haveSameMap(new ResponseHead(), used), true);
  });

  it('chunked decoders have one shape whatever they read', () => {
    const early = new ChunkedDecoder();
    const used = new ChunkedDecoder();
    for (const text of ['5\r\nhello\r\n0\r\n\r\n', 'fffffffffffff\r\n', 'x', '0\r\nA: b\r\n\r\n']) {
      used.reset();
      used.feed(bytesOf(text), 0, text.length, true);
      assert.equal(haveSameMap(early, used), true, text);
    }
    assert.equal(haveSameMap(new ChunkedDecoder(), used), true);
  });

  it('request additions have one shape for trusted and other peers', () => {
    const [mine, theirs] = [trusted(), untrusted()];
    theirs.overrideHeader = bytesOf('x-hop');
    for (const additions of [mine, theirs])
      forwardRequest(requestCorpus[0]?.toString('latin1') ?? '', additions);
    assert.equal(haveSameMap(mine, theirs), true);
    assert.equal(haveSameMap(new RequestAdditions(), theirs), true);
  });
});
