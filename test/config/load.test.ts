import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRandom } from '#src/base/random.ts';
import type { Config } from '#src/config/config.ts';
import { loadConfigFile, parseConfig } from '#src/config/load.ts';
import { withoutSecrets } from '#src/config/without-secrets.ts';
import {
  bodyBytesPerSecondDefault,
  configBytesMax,
  connectionsMaxDefault,
  headBytesMaxDefault,
  headerCountMaxDefault,
  replayBytesMaxDefault,
  upstreamConnectionsDefault,
  workersMax,
} from '#src/limits.ts';

const machine = {
  cores: 6,
  addresses: ['127.0.0.1', '10.9.8.7'],
  resolvePath: (path: string) => `/srv/${path}`,
};
const clusters = `clusters:
  x: { nodes: [http://10.0.1.10:8000] }
  y: { nodes: [http://10.0.2.10:8000] }
`;
const repositoryFile = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

function parse(text: string, env: Record<string, string | undefined> = {}, cores = machine.cores): Config {
  const result = parseConfig(text, 'test.yaml', env, { ...machine, cores });
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.problems, null, 2));
  return result.config;
}

function problems(text: string, env: Record<string, string | undefined> = {}): string[] {
  const result = parseConfig(text, 'test.yaml', env, machine);
  return result.ok
    ? []
    : result.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

test('a configuration has the documented defaults when only the clusters are given', () => {
  const config = parse(clusters);
  assert.deepEqual(config, {
    listen: {
      proxy: { host: '0.0.0.0', port: 8000 },
      shared: false,
      control: [{ kind: 'tcp', host: '127.0.0.1', port: 9900, tls: null }],
      admin: null,
    },
    workers: 6,
    transport: 'auto',
    clusters: {
      x: {
        label: 'x',
        nodes: [{ id: '10.0.1.10:8000', host: '10.0.1.10', port: 8000 }],
        admin: null,
        adminToken: null,
      },
      y: {
        label: 'y',
        nodes: [{ id: '10.0.2.10:8000', host: '10.0.2.10', port: 8000 }],
        admin: null,
        adminToken: null,
      },
    },
    routing: { sticky: { kind: 'none' }, rules: [], routes: [], trustedProxies: [], override: null },
    failover: { on: ['connect', 'reset', 'timeout', 502, 503, 504], budget: 0.2 },
    health: {
      path: '/',
      intervalMs: 2000,
      timeoutMs: 1000,
      unhealthyAfter: 3,
      healthyAfter: 2,
      ejection: true,
      slowStartMs: 10_000,
    },
    timeouts: {
      requestHeadMs: 10_000,
      requestBodyMs: 30_000,
      requestBodyWaitMs: 1_000,
      requestBodyTotalMs: 3_600_000,
      clientLeftMs: 10_000,
      clientIdleMs: 60_000,
      connectMs: 2000,
      responseHeadMs: 30_000,
      responseBodyMs: 30_000,
      upstreamIdleMs: 50_000,
      tunnelIdleMs: 3_600_000,
      drainDelayMs: 0,
      drainMs: 30_000,
    },
    limits: {
      headBytes: headBytesMaxDefault,
      headerCount: headerCountMaxDefault,
      connections: connectionsMaxDefault,
      upstreamConnections: upstreamConnectionsDefault,
      bodyBytesPerSecond: bodyBytesPerSecondDefault,
      replayBytes: replayBytesMaxDefault,
      bodyBytes: null,
    },
    rollout: {
      autostart: false,
      stepsPpm: [10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000],
      bakeMs: 60_000,
      stepTimeoutMs: 1_800_000,
      onInconclusive: 'hold',
      onBadRoute: 'revert',
      soakMs: 600_000,
      holdbackPpm: 10_000,
    },
    thresholds: {
      errorRate: { timesX: 1.1, overX: 0.0002, max: 0.05 },
      statusMix: { timesX: 1.25, overX: 0.002, onWorse: 'revert' },
      latency: { timesX: 1.1, overXMs: 2, onWorse: 'revert', maxMs: { p99: 2000 } },
      falseReverts: 0.01,
      harm: 0.001,
      warmupMs: 45_000,
      blipToleranceMs: 1000,
      attribution: 'all',
    },
    metrics: [],
    gates: [],
    windows: { timeZone: 'UTC', allow: [] },
    notifications: [],
    outgoing: {
      allow: [
        { bytes: [127, 0, 0, 0], prefix: 8 },
        { bytes: [...new Array<number>(15).fill(0), 1], prefix: 128 },
        { bytes: [10, 0, 0, 0], prefix: 8 },
        { bytes: [172, 16, 0, 0], prefix: 12 },
        { bytes: [192, 168, 0, 0], prefix: 16 },
        { bytes: [252, ...new Array<number>(15).fill(0)], prefix: 7 },
      ],
      linkLocalNodes: [],
    },
    control: { token: null, tokens: null, url: null, hosts: [], open: ['livez', 'readyz'] },
    store: { sqlite: '/srv/./data/crossover.db', key: null },
  });
});

test('a setting has a place in the file, or that of what is around it, when its configuration is loaded', () => {
  const result = parseConfig(`${clusters}listen:\n  proxy: 127.0.0.1:8000\n`, 'test.yaml', {}, machine);
  assert.ok(result.ok);
  assert.deepEqual(result.placeOf('listen.proxy'), { line: 5, column: 3 });
  assert.deepEqual(result.placeOf('listen.control'), { line: 4, column: 1 });
  assert.deepEqual(result.placeOf('store.sqlite'), { line: 1, column: 1 });
});

test('a node URL may end in a slash when it has no other path', () => {
  const [node] = parse(clusters.replace('10.0.1.10:8000', '10.0.1.10:8000/')).clusters.x.nodes;
  assert.deepEqual(node, { id: '10.0.1.10:8000', host: '10.0.1.10', port: 8000 });
});

test('a configuration can be posted to a thread when it is loaded', () => {
  const config = parse(clusters);
  assert.deepEqual(structuredClone(config), config);
});

test('every setting takes effect when it is given', () => {
  const config = parse(`
listen: { proxy: "[::]:8080", shared: true, control: 0.0.0.0:9000, admin: localhost:8001 }
workers: 3
clusters:
  x: { label: "kong-3.4", nodes: [http://kong-a:8000, "http://[::1]:8000"], admin: https://kong-a:8444/admin }
  y: { label: "3.10", nodes: [http://kong_b.internal:8000] }
routing:
  sticky: { cookie: sid }
  rules:
    - { cluster: y, host: "*.Example.com", pathPrefix: /api, methods: [GET], header: { name: X-Team, value: blue } }
    - { name: all of b, cluster: x, header: { name: x-b } }
  trustedProxies: [10.0.0.0/8, 192.0.2.7, fd00::/8]
  override: { header: X-Pick, secret: s3cret }
failover: { on: [500, connect], budget: 0.5 }
health: { ejection: off, slowStart: 0s }
limits: { headBytes: 8192, bodyBytes: 1.5MiB, replayBytes: 0 }
rollout: { steps: [0.5, 12.5%, 100], bake: 1.5m, onInconclusive: revert, holdback: 0.05 }
thresholds: { errorRate: { max: none }, latency: { max: { p50: 250ms } }, blipTolerance: 5s }
control: { token: t0ken }
`);
  assert.deepEqual(config.listen, {
    proxy: { host: '::', port: 8080 },
    shared: true,
    control: [{ kind: 'tcp', host: '0.0.0.0', port: 9000, tls: null }],
    admin: { host: 'localhost', port: 8001 },
  });
  assert.equal(config.workers, 3);
  assert.deepEqual(config.clusters.x.nodes[1], { id: '[::1]:8000', host: '::1', port: 8000 });
  assert.equal(config.clusters.x.admin, 'https://kong-a:8444/admin');
  assert.equal(config.clusters.y.label, '3.10');
  assert.deepEqual(config.routing.sticky, { kind: 'cookie', name: 'sid' });
  assert.deepEqual(config.routing.rules, [
    {
      name: 'rule 1',
      cluster: 'y',
      host: '*.example.com',
      pathPrefix: '/api',
      methods: ['GET'],
      header: { name: 'x-team', value: 'blue' },
    },
    {
      name: 'all of b',
      cluster: 'x',
      host: null,
      pathPrefix: null,
      methods: null,
      header: { name: 'x-b', value: null },
    },
  ]);
  assert.deepEqual(
    config.routing.trustedProxies.map(({ prefix }) => prefix),
    [8, 32, 8],
  );
  assert.deepEqual(config.routing.override, { header: 'x-pick', secret: 's3cret' });
  assert.deepEqual(config.failover, { on: [500, 'connect'], budget: 0.5 });
  assert.equal(config.health.ejection, false);
  assert.equal(config.health.slowStartMs, 0);
  assert.deepEqual(
    [config.limits.headBytes, config.limits.bodyBytes, config.limits.replayBytes],
    [8192, 1_572_864, 0],
  );
  assert.deepEqual(config.rollout.stepsPpm, [5000, 125_000, 1_000_000]);
  assert.deepEqual([config.rollout.bakeMs, config.rollout.holdbackPpm], [90_000, 50_000]);
  assert.equal(config.thresholds.errorRate.max, null);
  assert.deepEqual(config.thresholds.latency.maxMs, { p50: 250 });
  assert.equal(config.thresholds.blipToleranceMs, 5000);
  assert.equal(config.control.token, 't0ken');
});

test('routes, parking and attribution are resolved when they are given', () => {
  const config = parse(`${clusters}
routing:
  routes:
    - { name: checkout, pathPrefix: /checkout, methods: [POST] }
    - { name: checkout, host: Pay.Example.com. }
rollout: { onBadRoute: park }
thresholds: { attribution: kong }
`);
  assert.deepEqual(config.routing.routes, [
    { name: 'checkout', host: null, pathPrefix: '/checkout', methods: ['POST'] },
    { name: 'checkout', host: 'pay.example.com', pathPrefix: null, methods: null },
  ]);
  assert.equal(config.rollout.onBadRoute, 'park');
  assert.equal(config.thresholds.attribution, 'kong');
});

test('routes of more names than are told apart are refused', () => {
  const routes = (count: number) =>
    Array.from({ length: count }, (_, i) => `{ name: r${i}, pathPrefix: /${i} }`).join(', ');
  assert.equal(parse(`${clusters}\nrouting: { routes: [${routes(64)}] }`).routing.routes.length, 64);
  const refused = parseConfig(`${clusters}\nrouting: { routes: [${routes(65)}] }`, 'c.yaml', {});
  assert.ok(!refused.ok);
  assert.deepEqual(
    refused.problems.map(({ path, message }) => [path, message]),
    [['routing.routes[64].name', 'more than 64 routes are not told apart']],
  );
});

test('signals are resolved with the defaults of their kind when they are given', () => {
  const config = parse(`${clusters}
metrics:
  - { name: p99, prometheus: "http://prometheus:9090", promql: 'p99{gateway="{{label}}"}', overX: 0.05 }
  - { name: orders, webhook: "http://10.1.0.5/{{cluster}}", pointer: /a~1b/0, worse: lower, timesX: 0.9, onViolation: revert, failuresInARow: 2, token: t }
  - { name: payments, pushed: trials, timesX: 1.1, overX: 0.5%, interval: 1m }
gates:
  - { name: cab, at: [before-start, before-full], webhook: "https://cab.example.com/", secret: s }
  - { name: lead, at: before-full, approval: manual }
  - { name: queue, at: before-step, prometheus: "http://prometheus:9090", promql: q, max: 3, interval: 5s }
windows: { timeZone: Europe/Berlin, allow: [{ days: [mon, fri], from: "22:30", to: "04:00" }] }
notifications:
  - { name: chat, slack: "https://hooks.slack.com/services/a", on: [reverted] }
  - { name: on-call, pagerduty: key }
outgoing: { allow: [10.1.0.0/16] }
control: { url: "https://crossover.example.com" }
`);
  assert.deepEqual(config.metrics, [
    {
      kind: 'value',
      name: 'p99',
      source: {
        kind: 'promql',
        prometheus: 'http://prometheus:9090',
        query: 'p99{gateway="{{label}}"}',
        token: null,
      },
      rule: { kind: 'comparison', worse: 'higher', timesX: 1, overX: 0.05 },
      intervalMs: 15_000,
      timeoutMs: 5000,
      onViolation: 'hold',
      failuresInARow: 3,
    },
    {
      kind: 'value',
      name: 'orders',
      source: { kind: 'webhook', url: 'http://10.1.0.5/{{cluster}}', pointer: '/a~1b/0', token: 't' },
      rule: { kind: 'comparison', worse: 'lower', timesX: 0.9, overX: 0 },
      intervalMs: 15_000,
      timeoutMs: 5000,
      onViolation: 'revert',
      failuresInARow: 2,
    },
    { kind: 'trials', name: 'payments', timesX: 1.1, overX: 0.005, intervalMs: 60_000 },
  ]);
  assert.deepEqual(
    config.gates.map(({ name, at, question, intervalMs, retries }) => [
      name,
      at,
      question.kind,
      intervalMs,
      retries,
    ]),
    [
      ['cab', ['before-start', 'before-full'], 'webhook', 30_000, 2],
      ['lead', ['before-full'], 'approval', 30_000, 2],
      ['queue', ['before-step'], 'promql', 5000, 2],
    ],
  );
  assert.deepEqual(config.windows, {
    timeZone: 'Europe/Berlin',
    allow: [{ days: [1, 5], fromMinute: 1350, toMinute: 240 }],
  });
  assert.deepEqual(config.notifications[0], {
    name: 'chat',
    receiver: { kind: 'slack', url: 'https://hooks.slack.com/services/a' },
    on: ['reverted'],
  });
  assert.deepEqual(config.notifications[1]?.receiver, {
    kind: 'pagerduty',
    url: 'https://events.pagerduty.com/v2/enqueue',
    routingKey: 'key',
  });
  assert.deepEqual(config.outgoing.allow, [{ bytes: [10, 1, 0, 0], prefix: 16 }]);
  assert.equal(config.control.url, 'https://crossover.example.com');
});

test('no secret is left when a configuration is shown', () => {
  const secret = 'S3CRET';
  const config = parse(
    `${clusters}
metrics:
  - { name: a, webhook: "http://10.0.0.5/?key=${secret}", max: 1, token: ${secret} }
  - { name: b, prometheus: "http://10.0.0.5", promql: up, max: 1, token: ${secret} }
gates:
  - { name: a, at: before-start, webhook: "http://10.0.0.5/?key=${secret}", secret: ${secret} }
  - { name: b, at: before-start, prometheus: "http://10.0.0.5", promql: up, max: 1, token: ${secret} }
  - { name: c, at: before-start, approval: manual }
notifications:
  - { name: a, slack: "https://hooks.slack.com/services/${secret}" }
  - { name: b, pagerduty: ${secret} }
  - { name: c, webhook: "http://10.0.0.5/?key=${secret}", secret: ${secret} }
routing: { override: { secret: ${secret} } }
control: { token: ${secret} }
`
      .replace('x: {', `x: { admin: "https://kong-a:8444", adminToken: ${secret},`)
      .replace('y: {', `y: { admin: "https://kong-b:8444", adminToken: ${secret},`),
  );
  assert.ok(JSON.stringify(config).split(secret).length > 10);
  const shown = JSON.stringify(withoutSecrets(config, '(set)'));
  assert.ok(!shown.includes(secret), shown);
  assert.ok(shown.split('(set)').length > 8);
});

test('auto gives one worker per core, and no more than there can be', () => {
  assert.equal(parse(clusters, {}, 1).workers, 1);
  assert.equal(parse(clusters, {}, 1000).workers, workersMax);
});

test('the override is off when its secret comes out empty', () => {
  const text = `${clusters}routing: { override: { secret: "\${SECRET:-}" } }`;
  assert.equal(parse(text).routing.override, null);
  assert.equal(parse(text, { SECRET: '' }).routing.override, null);
  assert.deepEqual(parse(text, { SECRET: 'a' }).routing.override, {
    header: 'x-crossover-cluster',
    secret: 'a',
  });
});

test('a filled-in text is a number or boolean when the schema wants one, and else a text', () => {
  const text = `
clusters:
  x: { label: "\${LABEL}", nodes: ["http://\${HOST}:\${PORT}"] }
  y: { nodes: [http://10.0.2.10:8000] }
workers: \${N:-auto}
limits: { connections: "\${N}", bodyBytes: "\${N}" }
rollout: { autostart: "\${BOOL}", steps: ["\${N}", 100] }
control: { token: "\${N}" }
`;
  const config = parse(text, { LABEL: '3.10', HOST: 'kong', PORT: '8000', N: '4', BOOL: 'true' });
  assert.equal(config.clusters.x.label, '3.10');
  assert.equal(config.clusters.x.nodes[0]?.id, 'kong:8000');
  assert.deepEqual([config.workers, config.limits.connections, config.limits.bodyBytes], [4, 4, 4]);
  assert.equal(config.rollout.autostart, true);
  assert.deepEqual(config.rollout.stepsPpm, [40_000, 1_000_000]);
  assert.equal(config.control.token, '4');
});

test('a variable adds no structure when it holds YAML', () => {
  const text = `
clusters:
  x: { label: "\${LABEL}", nodes: [http://10.0.1.10:8000] }
  y: { nodes: [http://10.0.2.10:8000] }
`;
  const injected = 'a, nodes: [] }\nworkers: 1 # "';
  const result = parseConfig(text, 'test.yaml', { LABEL: injected }, machine);
  assert.ok(!result.ok);
  assert.deepEqual(
    result.problems.map(({ path }) => path),
    ['clusters.x.label'],
  );
});

test('a section that is empty has its defaults when all below it is commented out', () => {
  assert.deepEqual(parse(`${clusters}timeouts:\n  # connect: 1s\n`).timeouts, parse(clusters).timeouts);
});

test('an anchor may be used again when it is small', () => {
  const config = parse(`
clusters:
  x: { label: &name kong, nodes: [http://10.0.1.10:8000] }
  y: { label: *name, nodes: [http://10.0.2.10:8000] }
`);
  assert.equal(config.clusters.y.label, 'kong');
});

test('a node is refused when it is an address of this machine on our own port', () => {
  const text = clusters.replace('10.0.1.10', '10.9.8.7');
  assert.deepEqual(problems(text), [
    "2:16 clusters.x.nodes[0]: 10.9.8.7:8000 is Crossover's own listen.proxy",
  ]);
});

test('listeners share a port when it is left to the system or the hosts differ', () => {
  parse(`${clusters}listen: { proxy: 127.0.0.1:0, control: 127.0.0.1:0 }`);
  parse(`${clusters}listen: { proxy: 192.0.2.1:9900, control: 127.0.0.1:9900 }`);
});

test('the control API listens on addresses and sockets, in every form that they are written in', () => {
  const control = (written: string) =>
    parse(`${clusters}listen: { control: ${written} }\ncontrol: { token: a-token-that-is-long-enough }`)
      .listen.control;
  const local = { kind: 'tcp', host: '127.0.0.1', port: 9900, tls: null };
  const socket = { kind: 'unix', path: '/srv//run/c.sock', mode: 0o600, group: null, role: 'admin' };
  assert.deepEqual(control('127.0.0.1:9900'), [local]);
  assert.deepEqual(control('[127.0.0.1:9900]'), [local]);
  assert.deepEqual(control('{ address: 127.0.0.1:9900 }'), [local]);
  assert.deepEqual(control('"unix:/run/c.sock"'), [socket]);
  assert.deepEqual(control('{ socket: /run/c.sock }'), [socket]);
  assert.deepEqual(control('["127.0.0.1:9900", "unix:/run/c.sock"]'), [local, socket]);
  assert.deepEqual(control('{ socket: /run/c.sock, mode: "0660", group: ops }'), [
    { ...socket, mode: 0o660, group: 'ops', role: null },
  ]);
  assert.deepEqual(control('{ socket: /run/c.sock, mode: "660", role: operate }'), [
    { ...socket, mode: 0o660, role: 'operate' },
  ]);
  assert.deepEqual(control('{ socket: /run/c.sock, role: none }'), [{ ...socket, role: null }]);
  const tls = 'cert: c.pem, key: k.pem, minVersion: 1.3, clientCertificates: { ca: ca.pem, role: operate }';
  assert.deepEqual(control(`{ address: "0.0.0.0:9900", tls: { ${tls} } }`), [
    {
      kind: 'tcp',
      host: '0.0.0.0',
      port: 9900,
      tls: {
        cert: '/srv/c.pem',
        key: '/srv/k.pem',
        minVersion: 'TLSv1.3',
        clientCertificates: { ca: '/srv/ca.pem', role: 'operate' },
      },
    },
  ]);
});

test('a listener of the control API is refused with its place when it makes no sense', () => {
  const told = (written: string) => problems(`${clusters}listen: { control: ${written} }`);
  assert.deepEqual(told('{ address: 127.0.0.1:1, socket: /a }'), [
    '4:52 listen.control.socket: address is there as well',
  ]);
  assert.deepEqual(told('{ mode: "0600" }'), ['4:20 listen.control: one of address, socket is needed']);
  assert.deepEqual(told('{ address: 127.0.0.1:1, mode: "0600" }'), [
    '4:50 listen.control.mode: belongs to a socket',
  ]);
  assert.deepEqual(told('{ socket: /a, tls: { cert: c, key: k } }'), [
    '4:39 listen.control.tls: belongs to an address',
  ]);
  assert.deepEqual(told('{ socket: /a, mode: 0660 }'), [
    '4:40 listen.control.mode: expected a file mode in quotes such as "0660", got 0660',
  ]);
  assert.deepEqual(told('{ socket: /a, mode: "0999" }'), [
    '4:40 listen.control.mode: expected a file mode in quotes such as "0660", got "0999"',
  ]);
  assert.ok(told('{ adress: 127.0.0.1:1 }').includes('4:22 listen.control.adress: unknown key'));
  assert.deepEqual(told('{ address: 127.0.0.1:1, tls: { cert: c } }'), [
    '4:44 listen.control.tls.key: is missing',
  ]);
  assert.deepEqual(told('[127.0.0.1:1, { adress: 127.0.0.1:2 }]'), [
    '4:36 listen.control[1].adress: unknown key',
  ]);
  assert.deepEqual(told('["unix:/a", { socket: /a }]'), [
    '4:32 listen.control[1]: the socket /srv//a is there twice',
  ]);
  assert.deepEqual(told('[127.0.0.1:8000]'), [
    '4:21 listen.control[0]: 127.0.0.1:8000 is taken by listen.proxy',
  ]);
  assert.deepEqual(told('/run/c.sock'), ['4:20 listen.control: expected host:port, got "/run/c.sock"']);
  assert.match(told(`"unix:/${'x'.repeat(100)}"`).join(), /a socket's path has at most 90 bytes/);
  assert.deepEqual(told('7'), [
    '4:20 listen.control: expected host:port, unix:PATH, a mapping with address or socket, or a list of them, got 7',
  ]);
});

test('a node is refused when it is this machine in another way of writing', () => {
  const own = (host: string, proxy = '0.0.0.0:8000', more = '') => {
    const text = clusters.replace('10.0.1.10', host.includes(':') ? `"[${host}]"`.replaceAll('"', '') : host);
    const result = parseConfig(
      `${text.replace(/nodes: \[(.*?:8000)\]/, 'nodes: ["$1"]')}listen: { proxy: "${proxy}"${more} }`,
      'test.yaml',
      {},
      { ...machine, hostName: 'lb1.example.com' },
    );
    return result.ok ? null : (result.problems[0]?.message ?? '');
  };
  for (const host of [
    '127.0.0.1',
    '127.8.8.8',
    'localhost',
    'LOCALHOST.',
    '::1',
    '::ffff:127.0.0.1',
    '10.9.8.7',
    '::ffff:10.9.8.7',
    '0.0.0.0',
    'lb1',
    'LB1.example.com',
  ])
    assert.match(own(host) ?? '', /is Crossover's own listen\.proxy/, host);
  for (const host of ['localhost', '::1', '127.0.0.1', '0.0.0.0'])
    assert.match(own(host, '127.0.0.1:8000') ?? '', /own listen\.proxy/, host);
  assert.match(
    own('localhost', '127.0.0.1:1', ', control: [127.0.0.1:9900, "localhost:8000"]') ?? '',
    /own listen\.control\[1\]/,
  );
  for (const host of ['10.9.8.8', 'lb2', 'lb1.example.org']) assert.equal(own(host), null, host);
  for (const host of ['10.9.8.7', 'lb1'])
    assert.equal(own(host, '127.0.0.1:8000'), null, `${host} at another address`);
});

test('a node or an Admin API is refused where clouds serve credentials', () => {
  const at = (host: string, outgoing = '') =>
    problems(
      clusters.replace('http://10.0.1.10', `"http://${host}`).replace(':8000]', ':8000"]') + outgoing,
    ).join();
  for (const host of [
    '169.254.169.254',
    '169.254.1.1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[::ffff:169.254.169.254]',
  ])
    assert.match(
      at(host),
      /clusters\.x\.nodes\[0\]: .* (where clouds serve|is where a cloud serves) credentials to this machine/,
      host,
    );
  const lattice = 'outgoing: { linkLocalNodes: [169.254.171.0/24, 169.254.169.0/24] }\n';
  assert.equal(at('169.254.171.7', lattice), '');
  assert.match(at('169.254.169.254', lattice), /is where a cloud serves credentials/);
  for (const host of ['169.254.169.254', '100.100.100.200', '[fd00:ec2::254]'])
    assert.match(
      problems(clusters.replace('{ nodes', `{ admin: "http://${host}", nodes`)).join(),
      /clusters\.x\.admin: .* credentials to this machine/,
      host,
    );
});

test('the control API is refused beyond loopback when there is no token', () => {
  const at = (control: string, token: string) =>
    problems(`${clusters}listen: { control: "${control}" }\ncontrol: { token: "${token}" }`);
  for (const control of ['127.0.0.1:9900', '127.8.9.10:9900', 'localhost:9900', '[::1]:9900'])
    assert.deepEqual(at(control, ''), []);
  for (const control of [
    '0.0.0.0:9900',
    '[::]:9900',
    '10.0.0.1:9900',
    'host.example:9900',
    '128.0.0.1:9900',
  ]) {
    assert.match(at(control, '').join(), /beyond loopback and control.token is empty/, control);
    assert.deepEqual(at(control, 'secret'), [], control);
  }
  const beyond = (more: string, tls = '') =>
    problems(`${clusters}listen: { control: { address: "0.0.0.0:9900"${tls} } }\n${more}`);
  assert.deepEqual(beyond('control: { tokens: /etc/tokens }'), []);
  const certificates = ', tls: { cert: c, key: k, clientCertificates: { ca: a } }';
  assert.deepEqual(beyond('', certificates), [], 'certificates tell callers apart');
  assert.equal(beyond('', ', tls: { cert: c, key: k }').length, 1, 'TLS alone does not');
});

test('crossover.yaml is valid when the environment is empty, and its control API is local', () => {
  const result = loadConfigFile(repositoryFile('config/crossover.yaml'), {});
  assert.ok(result.ok);
  const local = { kind: 'tcp', host: '127.0.0.1', port: 9900, tls: null };
  assert.deepEqual(result.config.listen.control, [local]);
});

test('crossover.example.yaml spells out the defaults when it is loaded as it is', () => {
  const result = loadConfigFile(repositoryFile('config/crossover.example.yaml'), {}, machine);
  assert.ok(result.ok);
  const { clusters: _, ...example } = result.config;
  const { clusters: __, ...defaults } = parse(clusters);
  assert.deepEqual(example, defaults);
});

test('a file is one problem when it is missing, a folder or too large', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-config-'));
  const large = join(folder, 'large.yaml');
  writeFileSync(large, '#'.repeat(configBytesMax + 1));
  const messages = [join(folder, 'none.yaml'), folder, large].map((path) => {
    const result = loadConfigFile(path, {});
    return result.ok ? '' : result.problems.map(({ message }) => message).join();
  });
  assert.match(messages[0] ?? '', /no such file/);
  assert.match(messages[1] ?? '', /^this is a directory; expected a YAML file$/);
  assert.match(messages[2] ?? '', /at most 131072/);
});

test('problems have a place in the file when the text is mangled at random', () => {
  const seed = Date.now() & 0x7fffffff;
  const { nextUint32 } = createRandom(seed);
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ' ',
    '\n',
    '-',
    '&a',
    '*a',
    '"',
    "'",
    '${',
    '}',
    '|',
    '#',
    '!',
    '<<',
    '0',
    'x',
    '\t',
    '%',
    '?',
  ];
  for (let round = 0; round < 1_500; round++) {
    let text = `${clusters}routing: { rules: [{ cluster: x, host: a }], sticky: { cookie: b } }\nrollout: { steps: [1, 100] }\n`;
    for (let edits = 1 + (nextUint32() % 4); edits > 0; edits--) {
      const at = nextUint32() % text.length;
      text = text.slice(0, at) + pieces[nextUint32() % pieces.length] + text.slice(at + (nextUint32() % 4));
    }
    const result = parseConfig(text, 'test.yaml', {}, machine);
    if (result.ok) continue;
    const lineCount = text.split('\n').length;
    assert.ok(result.problems.length > 0);
    for (const { line, column, message } of result.problems) {
      assert.ok(line >= 1 && line <= lineCount && column >= 1 && message !== '', `seed ${seed}: ${text}`);
    }
  }
});
