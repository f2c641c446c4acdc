import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '#src/config/load.ts';

const machine = { cores: 4, addresses: ['127.0.0.1'], resolvePath: (path: string) => path };
const clusters = `clusters:
  x: { nodes: [http://10.0.1.10:8000] }
  y: { nodes: [http://10.0.2.10:8000] }
`;

function warnings(text: string): string[] {
  const result = parseConfig(text, 'test.yaml', {}, machine);
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.problems, null, 2));
  return result.warnings.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

const doubtful: readonly [name: string, yaml: string, warning: string][] = [
  [
    'a health check that may take longer than the time between checks',
    'health: { interval: 2s, timeout: 5s }',
    '4:34 health.timeout: a check may take 5s, longer than the 2s between checks',
  ],
  [
    'node connections that are kept until Kong closes them',
    'timeouts: { upstreamIdle: 72s }',
    '4:27 timeouts.upstreamIdle: unused connections are kept for 72s, and Kong closes them after 75s by default',
  ],
  [
    'a bake that is shorter than any step',
    'rollout: { bake: 5s }',
    '4:18 rollout.bake: every step is watched for 10s at least, so 5s means 10s',
  ],
  [
    'a first step that ends while latency is not judged',
    'rollout: { bake: 10s, stepTimeout: 45s }',
    "4:36 rollout.stepTimeout: the first step may last 45s, and Y's latency is not compared for 45s (thresholds.warmup)",
  ],
  [
    'a tolerance that lets an outage pass',
    'thresholds: { errorRate: { overX: 100%, max: none } }',
    '4:35 thresholds.errorRate.overX: Y is not worse until 100% of its requests are affected that are not on X',
  ],
  [
    'a tolerance that lets a changed service pass',
    'thresholds: { statusMix: { overX: 60% } }',
    '4:35 thresholds.statusMix.overX: Y is not worse until 60% of its requests are affected that are not on X',
  ],
  [
    'a cap below what is tolerated',
    'thresholds: { harm: 4%, errorRate: { overX: 4%, max: 1% } }',
    '4:54 thresholds.errorRate.max: the cap of 1% is within what overX tolerates, 4%',
  ],
  [
    'a harm that asks for no proof',
    'thresholds: { harm: 100% }',
    '4:21 thresholds.harm: an advance may be wrong by 100% of all requests',
  ],
  [
    'a tolerance that the last step can show no proof of',
    'thresholds: { harm: 0.1%, errorRate: { overX: 1% } }',
    '4:21 thresholds.harm: 1% more errors on Y are tolerated (errorRate.overX), and the last step takes proof of at most 0.1%',
  ],
  [
    'a latency cap that a higher quantile reaches first',
    'thresholds: { latency: { max: { p50: 3s, p90: 2s, p99: 2500ms } } }',
    '4:38 thresholds.latency.max.p50: the cap of 3s is never reached before that of p90, 2s',
  ],
  [
    'a metric that is asked before it can have answered',
    'metrics: [{ name: m, webhook: "https://a.example/", pointer: /a, max: 1, interval: 1s }]',
    '4:11 metrics[0]: an answer may take 5s, longer than the 1s between questions',
  ],
  [
    'a listener that nothing listens on',
    'listen: { admin: 127.0.0.1:8001 }',
    '4:18 listen.admin: nothing listens there: this version does not guard the Admin API',
  ],
  [
    'a rule below one for everything of its host',
    'routing: { rules: [{ cluster: y, host: "*.example.com" }, { cluster: x, host: api.example.com, methods: [GET] }] }',
    '4:59 routing.rules[1]: no request gets here: "rule 1" above takes everything that "rule 2" would',
  ],
  [
    'a rule below one for a shorter path',
    'routing: { rules: [{ cluster: y, pathPrefix: /api, methods: [GET, POST] }, { cluster: x, pathPrefix: /api/v1, methods: [GET] }] }',
    '4:76 routing.rules[1]: no request gets here: "rule 1" above takes everything that "rule 2" would',
  ],
  [
    'a rule below one for any value of its header',
    'routing: { rules: [{ cluster: y, header: { name: X-Team } }, { cluster: x, header: { name: x-team, value: blue } }] }',
    '4:62 routing.rules[1]: no request gets here: "rule 1" above takes everything that "rule 2" would',
  ],
  [
    'a route below another of all its requests',
    'routing: { routes: [{ name: all, pathPrefix: / }, { name: api, pathPrefix: /api }] }',
    '4:51 routing.routes[1]: no request gets here: "all" above takes everything that "api" would',
  ],
];
for (const [name, yaml, warning] of doubtful) {
  test(`${name} is warned of, with its place, when a configuration is read`, () => {
    assert.deepEqual(warnings(clusters + yaml), [warning]);
  });
}

test('a token that goes to the Admin API in clear text is warned of when a configuration is read', () => {
  const withAdmin = (admin: string) =>
    warnings(clusters.replace('x: {', `x: { admin: "${admin}", adminToken: secret,`));
  assert.deepEqual(withAdmin('http://10.0.1.10:8001'), [
    '2:52 clusters.x.adminToken: the token goes to 10.0.1.10 in clear text',
  ]);
  for (const admin of ['https://10.0.1.10:8444', 'http://127.0.0.1:8001', 'http://[::1]:8001'])
    assert.deepEqual(withAdmin(admin), []);
});

test("a configuration with Y's Admin API is warned that nothing asks it", () => {
  const withAdmin = clusters.replace('y: {', 'y: { admin: "https://10.0.2.10:8444",');
  assert.deepEqual(warnings(withAdmin), [
    "3:15 clusters.y.admin: nothing asks Y's Admin API: this version reads only X's, for its routes",
  ]);
});

test('a token that can be guessed is warned of when a configuration is read', () => {
  for (const token of ['x', 'fifteen-letters'])
    assert.match(
      warnings(`${clusters}control: { token: ${token} }`).join(),
      /control\.token: a token of \d+ characters? can be guessed/,
    );
  assert.deepEqual(warnings(`${clusters}control: { token: sixteen-letters1 }`), []);
});

test('a control API beyond loopback without TLS is warned of when a configuration is read', () => {
  const token = 'control: { token: a-token-that-is-long-enough }';
  assert.deepEqual(warnings(`${clusters}listen: { control: 0.0.0.0:9900 }\n${token}`), [
    '4:20 listen.control: tokens go to 0.0.0.0:9900 in clear text',
  ]);
  const two = '[127.0.0.1:9900, { address: "[::]:9901" }]';
  assert.deepEqual(warnings(`${clusters}listen: { control: ${two} }\n${token}`), [
    '4:37 listen.control[1]: tokens go to [::]:9901 in clear text',
  ]);
  const tls = '{ address: 0.0.0.0:9900, tls: { cert: c.pem, key: k.pem } }';
  for (const control of [tls, 'unix:/run/c.sock', '127.0.0.1:9900', 'localhost:9900'])
    assert.deepEqual(
      warnings(`${clusters}listen: { control: "${control}" }\n${token}`.replace(/"({.*})"/, '$1')),
      [],
    );
});

test('trusted proxies that are everybody are warned of when a configuration is read', () => {
  assert.deepEqual(warnings(`${clusters}routing: { trustedProxies: [10.0.0.0/8, 0.0.0.0/0, "::/0"] }`), [
    '4:41 routing.trustedProxies[1]: every client is believed what it says of its own address',
    '4:52 routing.trustedProxies[2]: every client is believed what it says of its own address',
  ]);
});

const right: readonly [name: string, yaml: string][] = [
  ['nothing but the clusters', ''],
  ['the longest upstreamIdle that Kong does not cut', 'timeouts: { upstreamIdle: 71s }'],
  ['caps that rise with the quantile', 'thresholds: { latency: { max: { p50: 500ms, p99: 2s } } }'],
  ['a tolerance that is the accepted harm', 'thresholds: { harm: 1%, errorRate: { overX: 1% } }'],
  ['a check as long as the interval', 'health: { interval: 2s, timeout: 2s }'],
  [
    'rules for different paths, methods, hosts and headers',
    `routing:
  rules:
    - { cluster: y, pathPrefix: /api }
    - { cluster: x, pathPrefix: /apix }
    - { cluster: y, methods: [GET], host: a.example }
    - { cluster: x, methods: [GET, POST], host: a.example }
    - { cluster: y, host: "*.example.com" }
    - { cluster: x, host: example.com }
    - { cluster: y, header: { name: x-team, value: red } }
    - { cluster: x, header: { name: x-team } }
    - { cluster: x, methods: [DELETE] }
`,
  ],
  [
    'several entries of one route',
    'routing: { routes: [{ name: all, pathPrefix: / }, { name: all, pathPrefix: /api }] }',
  ],
];
for (const [name, yaml] of right) {
  test(`${name} is not warned of when a configuration is read`, () => {
    assert.deepEqual(warnings(clusters + yaml), []);
  });
}

test('warnings come in the order of the file when there are several', () => {
  const found = warnings(
    `timeouts: { upstreamIdle: 2m }\nhealth: { timeout: 3s }\n${clusters}listen: { admin: 127.0.0.1:1 }\n`,
  );
  assert.deepEqual(
    found.map((text) => text.split(' ')[0]),
    ['1:27', '2:20', '6:18'],
  );
});
