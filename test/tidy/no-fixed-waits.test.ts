// No test waits for a fixed time, or asks a clock, but in the few places that are named here with their
// reason. What a test waits for has an event, or can be looked for (test/support/until.ts): a fixed time is
// too short for some machine and too long for every other. Long forms (test/soak) measure times, and are not
// held to this.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const waits = [
  /\bset(?:Timeout|Interval)\(/,
  /\bsetTimeout as \w+.*'node:timers\/promises'/,
  /\bAbortSignal\.timeout\(/,
  /\bAtomics\.wait\(/,
  // Bounds that a slow machine may reach: of a Signal, of a poll, of a test and of a process.
  /\.within\(/,
  /\bpoll\(/,
  /\btimeout: [\d_]+\b/,
  /\bperformance\.now\(\)/,
];

/** Files with such lines, how many, and why. */
const reasoned: Readonly<Record<string, readonly [lines: number, reason: string]>> = {
  'test/bench/smoke.test.ts': [1, 'bounds a process that is waited for synchronously, by minutes'],
  'test/control-plane/api/hostile-connections.test.ts': [
    2,
    'hostile clients, which send a little again and again, and come back',
  ],
  'test/control-plane/api/insight-routes.test.ts': [1, 'traffic that goes on while an event is awaited'],
  'test/faults/bad-route.test.ts': [1, 'the pace of clients, which are awaited by their answers'],
  'test/faults/connection-floods.test.ts': [1, 'slow clients, which send a little again and again'],
  'test/faults/safety-net.test.ts': [
    6,
    'bounds of what a budget and a breaker allow over the time that really passed',
  ],
  'test/rfc/lane.ts': [2, 'how long a case took, for the table'],
  'test/rfc/play-case.ts': [2, 'a hang is one of the outcomes of a case'],
  'test/scripts/run-tests.test.ts': [2, 'files that hang are what is tested'],
  'test/support/breaker-trace.ts': [3, 'watches memory that sends no event, more often than timers can'],
  'test/support/connect-load.ts': [6, 'a rate of connections, of which so many are open at most'],
  'test/support/cut-answers.ts': [1, 'a hang is one of the outcomes of a cut answer'],
  'test/support/hostile-clients.ts': [1, 'hostile clients come again and again'],
  'test/support/limited-upstream-child.ts': [1, 'the time that a node works, for long forms'],
  'test/support/load-client.ts': [
    5,
    'a rate of requests, of which one a connection is under way, and how long they took',
  ],
  'test/faults/own-shortage.test.ts': [1, 'a crowd of clients that come again and again'],
  'test/support/data-plane-assembly.ts': [1, 'looks again and again for what makes no event in a runtime'],
  'test/support/port-shortage-child.ts': [1, 'takes ports again and again'],
  'test/support/worker-with-fake-nodes.ts': [1, 'the time that a worker is told'],
  'test/data-plane/exchange/attempt.test.ts': [2, 'the time that an attempt is told'],
  'test/data-plane/exchange/own-shortage.test.ts': [1, 'the time that a breaker is told'],
  'test/support/open-loop-client.ts': [3, 'the rate of a long form'],
  'test/support/restartable.ts': [2, 'how long a restart took, for the long form'],
  'test/support/scripted-upstream.ts': [1, 'a polite end that is not answered becomes a reset'],
  'test/support/signal.ts': [2, 'the bound of every wait for an event'],
  'test/support/stillness.ts': [
    4,
    'a process is at rest when nothing has changed for a while, and the poll of long forms',
  ],
  'test/support/token-upstream.ts': [1, 'the latency that a request asks for'],
  'test/support/until.ts': [6, 'the bound of every wait'],
  'test/support/wire-client.ts': [1, 'the bound of an answer'],
};

function waitingLines(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter(
    (line) => waits.some((pattern) => pattern.test(line)) && !/^\s*(?:\/\/|\*|\/\*)/.test(line),
  );
}

test('tests wait for no fixed time', () => {
  const files = globSync('test/**/*.ts', { exclude: ['test/soak/**', 'test/tidy/no-fixed-waits.test.ts'] });
  assert.ok(files.length > 200, `${files.length} files`);
  const problems = files.flatMap((file) => {
    const lines = waitingLines(file);
    const [count, reason] = reasoned[file] ?? [0, ''];
    const known =
      count === 0 ? 'wait for an event, or with test/support/until.ts' : `${count} are known: ${reason}`;
    return lines.length === count ? [] : [`${file}, ${lines.length} lines; ${known}\n${lines.join('\n')}`];
  });
  assert.equal(problems.length, 0, problems.join('\n\n'));
});

test('no reason for a wait outlives its file', () => {
  for (const file of Object.keys(reasoned)) assert.ok(waitingLines(file).length > 0, file);
});
