// docs/gates.md: its configurations are valid, its requests are routes, and what it says is sent is what is
// sent.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parseConfig } from '#src/config/load.ts';
import { gatePoints } from '#src/config/signal-terms.ts';
import { signatureHeaders } from '#src/control-plane/outgoing/signature.ts';
import { businessShare } from '#src/core/analysis/streams/business-streams.ts';
import { outgoingAnswerBytesMax } from '#src/limits.ts';
import { apiRoutes } from '../control-plane/support/api-routes.ts';
import { httpPeer } from '../control-plane/support/http-peer.ts';
import { SignalRig } from '../control-plane/support/signal-rig.ts';
import { tempFolder } from '../control-plane/support/temp-folder.ts';

const text = readFileSync(new URL('../../docs/gates.md', import.meta.url), 'utf8');
const examples = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] as string,
  );

test('every configuration in the gates documentation is valid', () => {
  const yamls = examples('yaml');
  assert.equal(yamls.length, 5);
  for (const yaml of yamls) {
    const clusters = 'clusters: { x: { nodes: [http://10.0.1.1:80] }, y: { nodes: [http://10.0.2.1:80] } }\n';
    const loaded = parseConfig(clusters + yaml, 'gates.md', {});
    assert.ok(loaded.ok, JSON.stringify(loaded));
  }
});

test('every request in the gates documentation is a route, with a body that is JSON', async () => {
  const routes = (await apiRoutes()).map(({ method, url }) => `${method} ${url.replace(':name', '[^/]+')}`);
  const requests = examples('sh').flatMap((sh) =>
    sh
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('AUTH=')),
  );
  assert.equal(requests.length, 5);
  for (const request of requests) {
    const [, method = '', path = '', body = ''] =
      /-X (\w+) localhost:9900(\S+).*-d '(.*)'/.exec(request) ?? [];
    assert.ok(
      routes.some((route) => new RegExp(`^${route}$`).test(`${method} ${path}`)),
      request,
    );
    JSON.parse(body);
    assert.match(request, /^curl -H "\$AUTH" /);
  }
});

test('a gate is sent what the gates documentation shows', async (t) => {
  const peer = await httpPeer(t);
  const rig = new SignalRig(t, {
    yaml: `gates: [{ name: cab, at: before-full, webhook: "${peer.url}" }]`,
    steps: [50, 100],
  });
  rig.start();
  await rig.until(() => rig.state.phase === 'soaking');
  const shown = JSON.parse(examples('json')[0] ?? '');
  const sent = JSON.parse(peer.received[0]?.body ?? '');
  const membersOf = (value: object): string[] => Object.keys(value);
  assert.deepEqual(membersOf(sent), membersOf(shown));
  for (const member of ['step', 'verdict', 'clusters']) {
    assert.deepEqual(membersOf(sent[member]), membersOf(shown[member]), member);
  }
  assert.match(sent.revision, /^[\w-]+\.\d+\.[0-9a-z]+$/);
  assert.match(shown.revision, /^[\w-]+\.\d+\.[0-9a-z]+$/);
});

test('the receiver in the gates documentation tells genuine requests from others', async (t) => {
  const file = join(tempFolder(t), 'receiver.mjs');
  writeFileSync(file, examples('js')[0] ?? '');
  const { isGenuine } = (await import(pathToFileURL(file).href)) as {
    isGenuine(headers: Record<string, string>, body: string, secret: string, nowMs: number): boolean;
  };
  const nowMs = 1_767_787_200_500;
  const headers = signatureHeaders('{"a":1}', 's3cret', nowMs);
  assert.equal(isGenuine(headers, '{"a":1}', 's3cret', nowMs), true);
  assert.equal(isGenuine(headers, '{"a":2}', 's3cret', nowMs), false);
  assert.equal(isGenuine(headers, '{"a":1}', 'other', nowMs), false);
  assert.equal(isGenuine(headers, '{"a":1}', 's3cret', nowMs + 301_000), false);
  assert.equal(isGenuine(signatureHeaders('{"a":1}', null, nowMs), '{"a":1}', 's3cret', nowMs), false);
  assert.equal(isGenuine({}, '{"a":1}', 's3cret', nowMs), false);
});

test('points and figures in the gates documentation are those of the code', () => {
  const rows = [...text.matchAll(/^\| `((?:before|after)-\w+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(rows, [...gatePoints]);
  assert.equal(businessShare, 0.1);
  assert.match(text, /Their share of the false-revert budget is a tenth/);
  assert.equal(outgoingAnswerBytesMax, 64 * 1024);
});
