import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyErrorNames, proxyErrors } from '#src/base/error-catalog.ts';
import { rescueResponse } from '#src/data-plane/exchange/rescue.ts';

const options = { requestId: 'abc', keepAlive: false, minorVersion: 1, isHead: false } as const;

describe('rescueResponse', () => {
  it('gives every catalog error a status line with a reason and a JSON body of the stated length', () => {
    for (const name of proxyErrorNames) {
      const [head = '', body = ''] = rescueResponse(name, options).split('\r\n\r\n');
      assert.match(head, new RegExp(`^HTTP/1.1 ${proxyErrors[name].status} (?!Error\\r)[A-Z]`), name);
      assert.match(head, new RegExp(`\\r\\nContent-Length: ${body.length}\\r\\n`));
      assert.deepEqual(JSON.parse(body), {
        code: proxyErrors[name].code,
        message: proxyErrors[name].title,
        requestId: 'abc',
      });
    }
  });

  it('says when to come back on 503 and nothing of the kind otherwise', () => {
    assert.match(rescueResponse('upstreamUnavailable', options), /\r\nRetry-After: 1\r\n/);
    assert.doesNotMatch(rescueResponse('upstreamTimeout', options), /Retry-After/);
  });

  it('has no body for HEAD', () => {
    assert.match(rescueResponse('upstreamTimeout', { ...options, isHead: true }), /\r\n\r\n$/);
  });

  it('says whether the connection stays as each HTTP version needs it', () => {
    assert.match(rescueResponse('upstreamTimeout', options), /\r\nConnection: close\r\n/);
    assert.doesNotMatch(rescueResponse('upstreamTimeout', { ...options, keepAlive: true }), /Connection/);
    const old = { ...options, keepAlive: true, minorVersion: 0 } as const;
    assert.match(rescueResponse('upstreamTimeout', old), /\r\nConnection: keep-alive\r\n/);
  });
});
