// Nothing is configured or catalogued in vain: every setting is read outside of src/config, and every error
// of the catalog is given somewhere. Both are found by their names: what is read and not used, and what only
// one of the clusters has, is not seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiErrors, proxyErrors } from '#src/base/error-catalog.ts';
import { parseConfig } from '#src/config/load.ts';
import { assertNone, sourceFiles } from './source-files.ts';

/** Every optional setting is set, and every kind of list item is there. */
const everySetting = `
listen: { admin: 127.0.0.1:8001 }
clusters:
  x: { nodes: [http://10.0.1.10:8000], admin: http://127.0.0.1:8001, adminToken: secret }
  y: { nodes: [http://10.0.2.10:8000], admin: http://127.0.0.1:8101 }
routing:
  sticky: { header: apikey }
  rules: [{ name: a, cluster: x, host: a.example.com, pathPrefix: /a, methods: [GET], header: { name: b, value: c } }]
  routes: [{ name: b, host: b.example.com, pathPrefix: /b, methods: [GET] }]
  trustedProxies: [10.0.0.0/8]
  override: { secret: secret }
limits: { bodyBytes: 1MiB }
thresholds: { latency: { max: { p50: 1s, p75: 1s, p90: 1s, p95: 1s, p99: 2s } } }
metrics:
  - { name: a, prometheus: http://10.0.0.9:9090, promql: 'a{x="{{cluster}}"}', token: secret, worse: lower, overX: 1 }
  - { name: b, webhook: http://10.0.0.9/b, pointer: /b, min: 1, max: 2, onViolation: revert }
  - { name: c, pushed: trials, overX: 1% }
gates:
  - { name: a, at: before-step, prometheus: http://10.0.0.9:9090, promql: a, min: 1, max: 2, token: secret }
  - { name: b, at: before-full, webhook: http://10.0.0.9/b, secret: secret }
windows: { allow: [{ days: [mon], from: "09:00", to: "16:00" }] }
notifications:
  - { name: a, webhook: http://10.0.0.9/a, secret: secret }
  - { name: b, slack: http://10.0.0.9/b }
  - { name: c, pagerduty: key }
control: { token: secret, url: http://10.0.0.9 }
`;

const readers = sourceFiles('src').filter(({ path }) => !path.startsWith('src/config/'));

const isRead = (...words: readonly string[]): boolean => {
  const patterns = words.map((word) => new RegExp(`\\b${word}\\b`));
  return readers.some(({ text }) => patterns.every((pattern) => pattern.test(text)));
};

/** Paths of all settings of a resolved configuration; `[]` stands for each item of a list. */
function settingsOf(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (Array.isArray(value)) return value.flatMap((item) => settingsOf(item, [...path, '[]']));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, item]) => settingsOf(item, [...path, key]));
}

test('every setting of the configuration is read outside of src/config', () => {
  const loaded = parseConfig(everySetting, 'every-setting.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const paths = settingsOf(loaded.config, []);
  assert.ok(paths.length > 100, `${paths.length} settings`);
  const unread = paths.filter((path) => {
    const names = path.filter((name) => !/^(\[\]|[xy]|p\d\d)$/.test(name));
    const [section = '', ...below] = names;
    // A file that reads a setting has its section's name too; items of lists go to files that know no
    // section.
    return !isRead(...(path.includes('[]') || below.length === 0 ? [] : [section]), names.at(-1) ?? '');
  });
  assertNone(
    [...new Set(unread.map((path) => path.join('.')))],
    'read it, or take it out of the configuration',
  );
});

test('every error of the catalog is given somewhere', () => {
  const unused = [...Object.keys(proxyErrors), ...Object.keys(apiErrors)].filter(
    (name) =>
      !readers.some(
        ({ path, text }) => path !== 'src/base/error-catalog.ts' && new RegExp(`['.]${name}\\b`).test(text),
      ),
  );
  assertNone(unused, 'give it somewhere, or take it out of the catalog');
});
