import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLine } from '#src/terminal/start-line.ts';

const line = (configuredPort: number, controlPort: number): string =>
  startLine({
    version: '1.2.3',
    proxy: { host: '127.0.0.1', port: 8000 },
    control: [{ kind: 'tcp', host: '127.0.0.1', port: configuredPort, tls: null }],
    controlAddresses: controlPort === 0 ? [] : [`http://127.0.0.1:${controlPort}`],
  });

test('start line names the port that the control API has', () => {
  assert.equal(
    line(0, 41_234),
    'crossover 1.2.3 proxies on 127.0.0.1:8000; control API on http://127.0.0.1:41234\n',
  );
});

test('start line names the configured port while the control API is late', () => {
  assert.match(line(9_900, 0), /control API on http:\/\/127\.0\.0\.1:9900\n$/);
});

test('start line names no port while the control API is late and the system chooses it', () => {
  assert.match(line(0, 0), /control API on 127\.0\.0\.1, not yet there\n$/);
});
