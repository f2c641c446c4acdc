import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { decideRoute } from '#src/core/routing/route-decision.ts';
import type { RoutingOptions, RoutingRule } from '#src/core/routing/routing-options.ts';
import { compileRouting } from '#src/core/routing/routing-table.ts';
import { hashAddress, hashBytes } from '#src/core/routing/sticky-key.ts';
import { PPM } from '#src/limits.ts';

const [splitX, splitY, pinnedX, pinnedY] = [0, 1, 2, 3];
const plain: RoutingOptions = { sticky: { kind: 'none' }, rules: [], override: null };
const salt = 0x0badcafe;
/** Draws that fall on X and on Y at every weight between 1 ppm and 999,999 ppm. */
const [drawX, drawY] = [2 ** 32 - 1, 0];
const encoder = new TextEncoder();

interface Seen {
  readonly bytes: Uint8Array;
  readonly head: RequestHead;
}

/** A request as the worker sees it: parsed from the middle of a read buffer. */
function request(line: string, ...fields: readonly string[]): Seen {
  const lead = 'left over from before';
  const bytes = encoder.encode(
    `${lead}${line} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`,
  );
  const head = new RequestHead();
  const end = parseRequestHead(bytes, lead.length, bytes.length, head, {
    headBytes: 32_768,
    headerCount: 100,
  });
  assert.equal(end, bytes.length, `${line} is a valid head (${head.error})`);
  return { bytes, head };
}

function decide(
  options: RoutingOptions,
  { bytes, head }: Seen,
  weightPpm: number,
  random: number,
  client = '192.0.2.1',
) {
  return decideRoute(compileRouting(options), bytes, head, client, weightPpm, salt, random);
}

const get = request('GET /', 'Host: a.example');

test('a plain split sends its share to Y within the 99.9 % interval over 1,000,000 requests at 1 %', () => {
  const seed = 20_260_101;
  const { nextUint32 } = createRandom(seed);
  const table = compileRouting(plain);
  const count = 1_000_000;
  let onY = 0;
  for (let index = 0; index < count; index++) {
    onY += decideRoute(table, get.bytes, get.head, '', 10_000, salt, nextUint32());
  }
  const halfWidth = 3.2905 * Math.sqrt(count * 0.01 * 0.99);
  assert.ok(Math.abs(onY - count * 0.01) <= halfWidth, `${onY} on Y, seed ${seed}`);
});

test('a plain split never reaches Y at 0 and always does at 100 %', () => {
  assert.equal(decide(plain, get, 0, drawY), splitX);
  assert.equal(decide(plain, get, PPM, drawX), splitY);
});

const rule = (conditions: Partial<RoutingRule>): RoutingRule => ({
  name: 'r',
  cluster: 'y',
  host: null,
  pathPrefix: null,
  methods: null,
  header: null,
  ...conditions,
});
const ruled = (...rules: readonly RoutingRule[]): RoutingOptions => ({ ...plain, rules });

const ruleCases: readonly [name: string, rule: Partial<RoutingRule>, request: Seen, matches: boolean][] = [
  ['the host is equal', { host: 'api.example' }, request('GET /', 'Host: api.example'), true],
  [
    'the host differs in case and has a port',
    { host: 'Api.Example' },
    request('GET /', 'hOST: aPI.eXAMPLE:8443'),
    true,
  ],
  ['the host ends in a dot', { host: 'api.example' }, request('GET /', 'Host: api.example.:80'), true],
  ['the host is an IPv6 address with a port', { host: '[::1]' }, request('GET /', 'Host: [::1]:80'), true],
  ['the host is another IPv6 address', { host: '[::1]' }, request('GET /', 'Host: [::2]'), false],
  ['the host only ends like it', { host: 'api.example' }, request('GET /', 'Host: xapi.example'), false],
  [
    'the target is absolute',
    { host: 'api.example' },
    request('GET http://api.example/x', 'Host: api.example'),
    true,
  ],
  [
    'the wildcard covers the host',
    { host: '*.example.com' },
    request('GET /', 'Host: a.b.EXAMPLE.com:80'),
    true,
  ],
  [
    'the wildcard meets its own name',
    { host: '*.example.com' },
    request('GET /', 'Host: example.com'),
    false,
  ],
  [
    'the wildcard meets only its suffix',
    { host: '*.example.com' },
    request('GET /', 'Host: .example.com'),
    false,
  ],
  [
    'the wildcard meets a longer label',
    { host: '*.example.com' },
    request('GET /', 'Host: notexample.com'),
    false,
  ],
  ['the path is the prefix', { pathPrefix: '/api' }, request('GET /api', 'Host: a'), true],
  ['the path goes on after the prefix', { pathPrefix: '/api' }, request('GET /api/v1', 'Host: a'), true],
  ['a query follows the prefix', { pathPrefix: '/api' }, request('GET /api?x=/', 'Host: a'), true],
  ['the segment is longer than the prefix', { pathPrefix: '/api' }, request('GET /apix', 'Host: a'), false],
  ['the path is shorter than the prefix', { pathPrefix: '/api' }, request('GET /ap', 'Host: a'), false],
  ['the path differs in case', { pathPrefix: '/api' }, request('GET /API', 'Host: a'), false],
  ['the path is the prefix encoded', { pathPrefix: '/api' }, request('GET /%61pi', 'Host: a'), false],
  ['the prefix ends in a slash', { pathPrefix: '/api/' }, request('GET /api/v1', 'Host: a'), true],
  [
    'the prefix ends in a slash the path lacks',
    { pathPrefix: '/api/' },
    request('GET /api', 'Host: a'),
    false,
  ],
  ['the prefix is the root', { pathPrefix: '/' }, request('GET /x', 'Host: a'), true],
  [
    'the prefix is the root and the path empty',
    { pathPrefix: '/' },
    request('GET http://a?x', 'Host: a'),
    true,
  ],
  ['the prefix is the root and the target is *', { pathPrefix: '/' }, request('OPTIONS *', 'Host: a'), false],
  [
    'the path of an absolute target has the prefix',
    { pathPrefix: '/api' },
    request('GET http://a/api', 'Host: a'),
    true,
  ],
  ['the method is one of them', { methods: ['PUT', 'GET'] }, get, true],
  ['the method is none of them', { methods: ['PUT', 'GETS', 'GE'] }, get, false],
  [
    'the header is there',
    { header: { name: 'x-team', value: null } },
    request('GET /', 'Host: a', 'X-Team: blue'),
    true,
  ],
  ['the header is absent', { header: { name: 'x-team', value: null } }, get, false],
  [
    'the header has the value',
    { header: { name: 'x-team', value: 'blue' } },
    request('GET /', 'Host: a', 'X-Team:  blue '),
    true,
  ],
  [
    'the header has another value',
    { header: { name: 'x-team', value: 'blue' } },
    request('GET /', 'Host: a', 'X-Team: Blue'),
    false,
  ],
  [
    'a later header has the value',
    { header: { name: 'x-team', value: 'blue' } },
    request('GET /', 'Host: a', 'X-Team: red', 'x-team: blue'),
    true,
  ],
  ['one of two conditions fails', { methods: ['GET'], pathPrefix: '/api' }, get, false],
  ['both of two conditions hold', { methods: ['GET'], pathPrefix: '/' }, get, true],
];
for (const [name, conditions, seen, matches] of ruleCases) {
  test(`a rule ${matches ? 'pins' : 'does not pin'} the request when ${name}`, () => {
    assert.equal(decide(ruled(rule(conditions)), seen, 0, drawX), matches ? pinnedY : splitX);
    const toX = rule({ ...conditions, cluster: 'x' });
    assert.equal(decide(ruled(toX), seen, PPM, drawX), matches ? pinnedX : splitY);
  });
}

test('the first matching rule wins when several match', () => {
  const options = ruled(
    rule({ pathPrefix: '/none' }),
    rule({ methods: ['GET'], cluster: 'x' }),
    rule({ pathPrefix: '/' }),
  );
  assert.equal(decide(options, get, PPM, drawY), pinnedX);
});

const overridden: RoutingOptions = {
  ...plain,
  override: { header: 'x-crossover-cluster', secret: 's3cret' },
};
const overrideCases: readonly [name: string, value: string, expected: number][] = [
  ['asks for Y with the secret', 'y:s3cret', pinnedY],
  ['asks for X with the secret', 'x:s3cret', pinnedX],
  ['asks in capitals', 'Y:s3cret', pinnedY],
  ['has no secret', 'y', splitX],
  ['has an empty secret', 'y:', splitX],
  ['has a wrong secret of the same length', 'y:s3creT', splitX],
  ['has the beginning of the secret', 'y:s3cre', splitX],
  ['has more than the secret', 'y:s3crett', splitX],
  ['names no cluster', 'z:s3cret', splitX],
  ['names more than a cluster', 'yy:s3cret', splitX],
  ['is empty', '', splitX],
];
for (const [name, value, expected] of overrideCases) {
  test(`the override gives ${expected} when the header ${name}`, () => {
    const seen = request('GET /', 'Host: a', `X-Crossover-Cluster: ${value}`);
    // Where the override is ignored, the draw decides: X at 0.
    const weightPpm = expected === pinnedX ? PPM : 0;
    assert.equal(decide(overridden, seen, weightPpm, drawX), expected);
  });
}

test('the override comes before rules when both apply', () => {
  const seen = request('GET /', 'Host: a', 'x-crossover-cluster: y:s3cret');
  assert.equal(
    decide({ ...overridden, rules: [rule({ pathPrefix: '/', cluster: 'x' })] }, seen, 0, drawX),
    pinnedY,
  );
});

test('the override is off when there is no secret', () => {
  const seen = request('GET /', 'Host: a', 'x-crossover-cluster: y:');
  assert.equal(decide(plain, seen, 0, drawX), splitX);
});

/** The lowest weight at which a request is on Y, and that it is there at every higher one. */
function crossingPpm(options: RoutingOptions, seen: Seen, client?: string): number {
  let low = 0;
  let high = PPM;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (decide(options, seen, middle, drawX, client) === splitY) high = middle;
    else low = middle + 1;
  }
  return low;
}

const crossingOf = (hash: number): number => Math.floor((hash / 2 ** 32) * PPM) + 1;
const crossingOfText = (text: string): number => {
  const bytes = encoder.encode(text);
  return crossingOf(hashBytes(bytes, 0, bytes.length, salt));
};

const byHeader: RoutingOptions = { ...plain, sticky: { kind: 'header', name: 'ApiKey' } };
const byCookie: RoutingOptions = { ...plain, sticky: { kind: 'cookie', name: 'sid' } };

test('a header keeps a client on its side when the draw varies', () => {
  const seen = request('GET /', 'Host: a', 'apikey: k-17');
  assert.equal(crossingPpm(byHeader, seen), crossingOfText('k-17'));
  for (const draw of [drawX, drawY])
    assert.equal(decide(byHeader, seen, crossingOfText('k-17'), draw), splitY);
});

const cookieCases: readonly [name: string, fields: readonly string[]][] = [
  ['it is the only one', ['Cookie: sid=abc']],
  ['it is between others', ['Cookie: a=1; sid=abc; b=2']],
  ['separators have no space', ['Cookie: a=1;sid=abc;b']],
  ['names around it contain its name', ['Cookie: xsid=no; sidx=no; sid=abc']],
  ['it stands in another cookie value', ['Cookie: a=sid=no; sid=abc']],
  ['it is in a second field', ['Cookie: a=1', 'Cookie: sid=abc']],
  ['it is there twice', ['Cookie: sid=abc; sid=def']],
];
for (const [name, fields] of cookieCases) {
  test(`a cookie keeps a client on its side when ${name}`, () => {
    assert.equal(crossingPpm(byCookie, request('GET /', 'Host: a', ...fields)), crossingOfText('abc'));
  });
}

test('chance decides when the sticky key is absent or empty', () => {
  const keyless = [
    [],
    ['apikey:'],
    ['Cookie: sid='],
    ['Cookie: SID=abc'],
    ['Cookie: sid'],
    ['Cookie: ; ;sid'],
  ];
  for (const fields of keyless) {
    const seen = request('GET /', 'Host: a', ...fields);
    for (const options of [byHeader, byCookie]) {
      assert.equal(decide(options, seen, 500_000, drawX), splitX, fields.join());
      assert.equal(decide(options, seen, 500_000, drawY), splitY, fields.join());
    }
  }
});

test('the client address keeps a client on its side when sticky is clientIp', () => {
  const options: RoutingOptions = { ...plain, sticky: { kind: 'clientIp' } };
  assert.equal(crossingPpm(options, get, '192.0.2.7'), crossingOf(hashAddress('192.0.2.7', salt)));
  assert.equal(crossingPpm(options, get, '::ffff:192.0.2.7'), crossingPpm(options, get, '192.0.2.7'));
});

test('a rule comes before the sticky key when both apply', () => {
  const seen = request('GET /admin', 'Host: a', 'apikey: k');
  assert.equal(
    decide({ ...byHeader, rules: [rule({ pathPrefix: '/admin', cluster: 'x' })] }, seen, PPM, drawX),
    pinnedX,
  );
});

// The same decisions, written with strings and regular expressions.
function naiveRuleMatches(
  r: RoutingRule,
  method: string,
  target: string,
  headers: readonly [string, string][],
): boolean {
  const host = (headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '')
    .toLowerCase()
    .replace(/:\d*$/, '');
  if (r.methods !== null && !r.methods.includes(method)) return false;
  if (r.host?.startsWith('*.') && !(host.endsWith(r.host.slice(1)) && host.length > r.host.length - 1))
    return false;
  if (r.host !== null && !r.host.startsWith('*.') && host !== r.host) return false;
  if (r.pathPrefix !== null) {
    const boundary = r.pathPrefix.endsWith('/') ? '' : '($|[/?])';
    if (!new RegExp(`^${r.pathPrefix}${boundary}`).test(target)) return false;
  }
  const { header } = r;
  return (
    header === null ||
    headers.some(
      ([name, value]) =>
        name.toLowerCase() === header.name && (header.value === null || value === header.value),
    )
  );
}

function naiveDecision(
  options: RoutingOptions,
  method: string,
  target: string,
  headers: readonly [string, string][],
  weightPpm: number,
  random: number,
): number {
  const first = headers.find(([name]) => name.toLowerCase() === 'x-crossover-cluster')?.[1];
  const asked = options.override === null ? null : /^([xy]):(.*)$/i.exec(first ?? '');
  if (asked !== null && asked[2] === options.override?.secret)
    return asked[1]?.toLowerCase() === 'x' ? pinnedX : pinnedY;
  const matching = options.rules.find((r) => naiveRuleMatches(r, method, target, headers));
  if (matching !== undefined) return matching.cluster === 'x' ? pinnedX : pinnedY;
  const { sticky } = options;
  let key: string | undefined;
  if (sticky.kind === 'header')
    key = headers.find(([name]) => name.toLowerCase() === sticky.name.toLowerCase())?.[1];
  if (sticky.kind === 'cookie') {
    const pairs = headers
      .filter(([name]) => name.toLowerCase() === 'cookie')
      .flatMap(([, value]) => value.split(';'));
    const pair = pairs.map((text) => text.trim()).find((text) => text.startsWith(`${sticky.name}=`));
    key = pair?.slice(sticky.name.length + 1);
  }
  const bytes = encoder.encode(key ?? '');
  const position = bytes.length === 0 ? random : hashBytes(bytes, 0, bytes.length, salt);
  return position / 2 ** 32 < weightPpm / PPM ? splitY : splitX;
}

test('decideRoute agrees with a naive one when tables and requests are random', () => {
  const seed = Date.now() & 0x7fffffff;
  const { nextUint32 } = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[nextUint32() % list.length] as T;
  const hosts = ['a.example', 'b.a.example', 'example', 'xa.example'];
  const paths = ['/', '/a', '/a/', '/a/b', '/ab', '/a?b', '/b/a'];
  const names = ['X-Crossover-Cluster', 'x-key', 'X-KEY', 'Cookie', 'cookie'];
  const values = ['y:sec', 'x:sec', 'y:no', 'k1', 'k2', 'sid=k1', 'a=b; sid=k2', 'sid=; x', 'xsid=1;sid=k3'];
  const maybe = <T>(make: () => T): T | null => (nextUint32() % 2 === 0 ? null : make());
  const randomRule = () =>
    rule({
      cluster: pick(['x', 'y']),
      host: maybe(() => pick([...hosts, '*.example', '*.a.example'])),
      pathPrefix: maybe(() => pick(['/', '/a', '/a/', '/a/b', '/ab'])),
      methods: maybe(() => [pick(['GET', 'PUT']), 'DELETE']),
      header: maybe(() => ({ name: pick(['x-key', 'cookie']), value: maybe(() => pick(['k1', 'sid=k1'])) })),
    });
  for (let round = 0; round < 20_000; round++) {
    const options: RoutingOptions = {
      override: maybe(() => ({ header: 'x-crossover-cluster', secret: 'sec' })),
      rules: Array.from({ length: nextUint32() % 3 }, randomRule),
      sticky: pick([{ kind: 'none' }, { kind: 'header', name: 'X-Key' }, { kind: 'cookie', name: 'sid' }]),
    };
    const method = pick(['GET', 'PUT', 'DELETE']);
    const target = pick(paths);
    const headers: [string, string][] = [['Host', `${pick(hosts)}${pick(['', ':80'])}`]];
    for (let count = nextUint32() % 4; count > 0; count--) headers.push([pick(names), pick(values)]);
    const seen = request(`${method} ${target}`, ...headers.map(([name, value]) => `${name}: ${value}`));
    const [weightPpm, random] = [nextUint32() % (PPM + 1), nextUint32()];
    const expected = naiveDecision(options, method, target, headers, weightPpm, random);
    const told = JSON.stringify({ options, method, target, headers, weightPpm, random, seed });
    assert.equal(decide(options, seen, weightPpm, random), expected, told);
  }
});
