import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseResponseHead, ResponseHead } from '#src/core/http1/response-head.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { countKong, makerOf } from '#src/data-plane/counting/kong-attribution.ts';
import { ATTEMPT } from '#src/shared-memory/layout.ts';

function parse(status: number, fields: string): { head: ResponseHead; bytes: Buffer } {
  const bytes = Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n${fields}\r\n`, 'latin1');
  const head = new ResponseHead();
  assert.ok(
    parseResponseHead(bytes, 0, bytes.length, head, { headBytes: 8192, headerCount: 50 }, false, false) > 0,
  );
  return { head, bytes };
}

function count(status: number, fields: string): Float64Array {
  const { head, bytes } = parse(status, fields);
  const slab = new Float64Array(ATTEMPT.size);
  countKong(slab, 0, head, bytes, status < 500);
  return slab;
}

const proxied = 'X-Kong-Upstream-Latency: 40\r\nX-Kong-Proxy-Latency: 3\r\n';
const byKong = 'X-Kong-Response-Latency: 2\r\n';

describe('countKong', () => {
  it('charges a 5xx that came through Kong to the service and one that Kong made to Kong', () => {
    assert.equal(count(500, proxied)[ATTEMPT.serviceFailures], 1);
    assert.equal(count(500, proxied)[ATTEMPT.kongFailures], 0);
    assert.equal(count(503, byKong)[ATTEMPT.kongFailures], 1);
    assert.equal(count(503, byKong)[ATTEMPT.serviceFailures], 0);
  });

  it('counts the time that Kong took, before the service or for its own answer', () => {
    assert.equal(count(200, proxied)[ATTEMPT.kongLatency + latencyBucketIndex(3)], 1);
    assert.equal(count(401, byKong)[ATTEMPT.kongLatency + latencyBucketIndex(2)], 1);
  });

  it('leaves out latencies that are no numbers', () => {
    for (const value of ['', '-1', '3.5', '1e3', '99999999999', '3 ms']) {
      const slab = count(200, `X-Kong-Upstream-Latency: 1\r\nX-Kong-Proxy-Latency: ${value}\r\n`);
      assert.equal(
        slab.reduce((sum, value) => sum + value, 0),
        0,
        value,
      );
    }
  });
});

describe('makerOf', () => {
  it('tells Kong from the service, and nothing without a header of Kong', () => {
    assert.equal(makerOf(parse(500, proxied).head), 'service');
    assert.equal(makerOf(parse(401, byKong).head), 'kong');
    assert.equal(makerOf(parse(502, 'X-Kong-Proxy-Latency: 3\r\n').head), 'kong');
    assert.equal(makerOf(parse(502, '').head), null);
  });
});
