import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type KongCluster, startKongCluster } from '#src/demo/kong-cluster.ts';
import { demoApiKey } from '#src/demo/kong-routes.ts';
import { until } from '../support/until.ts';

const steady = { latencyMsMedian: 1, latencySigma: 0, errorShare: 0 };
const withKey = { apikey: demoApiKey };

describe('a Kong look-alike', () => {
  let old: KongCluster;
  let next: KongCluster;
  before(async () => {
    old = await startKongCluster({ ...steady, version: '3.4.3' });
    next = await startKongCluster({ ...steady, version: '3.10.0', limitPerMinute: 0 });
  });
  after(async () => {
    await Promise.all([old.stop(), next.stop()]);
  });

  const get = (cluster: KongCluster, path: string, headers: Record<string, string> = withKey) =>
    fetch(`${cluster.urls[0]}${path}`, { headers });

  it('marks a proxied answer with both latencies and its Via when the service answered', async () => {
    const fromOld = await get(old, '/users/7');
    assert.equal(fromOld.status, 200);
    assert.equal(fromOld.headers.get('via'), 'kong/3.4.3');
    assert.equal(fromOld.headers.get('x-kong-upstream-latency'), '1');
    assert.equal(fromOld.headers.get('x-kong-proxy-latency'), '1');
    assert.equal(fromOld.headers.get('x-kong-response-latency'), null);
    assert.equal(fromOld.headers.get('x-kong-request-id'), null);
    const fromNext = await get(next, '/users/7');
    assert.equal(fromNext.headers.get('via'), '1.1 kong/3.10.0');
    assert.match(fromNext.headers.get('x-kong-request-id') ?? '', /^[0-9a-f]{32}$/);
  });

  it('answers by itself without upstream latency when no route matches', async () => {
    const answer = await get(next, '/usersx');
    assert.equal(answer.status, 404);
    assert.equal(answer.headers.get('server'), 'kong/3.10.0');
    assert.equal(answer.headers.get('x-kong-response-latency'), '1');
    assert.equal(answer.headers.get('x-kong-upstream-latency'), null);
    const body = (await answer.json()) as { message: string; request_id: string };
    assert.equal(body.message, 'no Route matched with those values');
    assert.equal(body.request_id, answer.headers.get('x-kong-request-id'));
  });

  it('refuses with 401 when the credential is missing or wrong', async () => {
    const missing = await get(old, '/orders', {});
    assert.equal(missing.status, 401);
    assert.equal(missing.headers.get('www-authenticate'), 'Key');
    assert.deepEqual(await missing.json(), { message: 'No API key found in request' });
    assert.equal((await get(old, '/orders', { apikey: 'other' })).status, 401);
  });

  it('refuses with 429 and Retry-After when the minute is used up', async () => {
    const answer = await get(next, '/search?q=a');
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('x-ratelimit-remaining-minute'), '0');
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal((await get(old, '/search?q=a', {})).status, 200);
  });

  it('answers 201 after the whole body when something is posted, and counts deliveries by token', async () => {
    const post = (token: string) =>
      fetch(`${old.urls[1]}/payments`, {
        method: 'POST',
        body: 'x'.repeat(100_000),
        headers: { ...withKey, 'x-token': token },
      });
    assert.equal((await post('a')).status, 201);
    assert.equal((await post('b')).status, 201);
    assert.equal((await post('b')).status, 201);
    const { countByToken, countByStatus } = await old.counts();
    assert.equal(countByToken.get('a'), 1);
    assert.equal(countByToken.get('b'), 2);
    assert.equal(countByStatus.get(201), 3);
  });

  it('answers 500 as Kong when the errors fault is on, and no more when it is off', async () => {
    await next.setFault({ kind: 'errors', share: 1 });
    const broken = await get(next, '/users/7');
    assert.equal(broken.status, 500);
    assert.equal(broken.headers.get('x-kong-upstream-latency'), null);
    await next.setFault({ kind: 'none' });
    assert.equal((await get(next, '/users/7')).status, 200);
  });

  it('refuses connections when it is dead, and listens on the same port again when it is not', async () => {
    await next.setFault({ kind: 'dead' });
    await assert.rejects(get(next, '/users/7'));
    await next.setFault({ kind: 'none' });
    assert.equal((await get(next, '/users/7')).status, 200);
  });

  it('leaves a request unanswered when a brownout hangs it', async () => {
    await next.setFault({ kind: 'brownout', slowness: 1, hangShare: 1, unavailableShare: 0 });
    const before = (await next.counts()).requestCount;
    const abort = new AbortController();
    const pending = fetch(`${next.urls[0]}/users/7`, { headers: withKey, signal: abort.signal });
    await until(async () => (await next.counts()).requestCount > before, 'the request');
    await next.setFault({ kind: 'brownout', slowness: 1, hangShare: 0, unavailableShare: 1 });
    assert.equal((await get(next, '/users/8')).status, 503);
    abort.abort();
    await assert.rejects(pending, { name: 'AbortError' });
    await next.setFault({ kind: 'none' });
  });
});
