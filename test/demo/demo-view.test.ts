import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DemoEnd, type DemoPicture, demoPage, demoSummary } from '#src/demo/demo-view.ts';
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { widthOf } from '#src/terminal/style.ts';
import { exampleStatus, inPhase } from '../cli/example-status.ts';

const events: RecordedEvent[] = Array.from({ length: 50 }, (_, index) => ({
  id: index + 1,
  atMs: 1_700_000_000_000,
  name: 'rollout-step',
  actor: 'analysis',
  text: `event ${index + 1}: ${'a long sentence '.repeat(10)}`,
  detail: null,
}));

const traffic = {
  sent: 10_000,
  answered: 9_997,
  failed: 3,
  successes: 9_900,
  clientErrors: 90,
  serverErrors: 7,
  latencyMsP50: 12,
  latencyMsP99: 40,
};

const picture: DemoPicture = {
  fault: 'errors',
  proxyUrl: 'http://127.0.0.1:8000',
  controlUrl: 'http://127.0.0.1:9900',
  elapsedSeconds: 12,
  status: exampleStatus,
  traffic,
  events,
  faultLines: [],
  ended: null,
};

describe('the page of the demo', () => {
  it('fits into the terminal, with the latest events, when there are more than it has room for', () => {
    const lines = demoPage(picture, 100, 30, false);
    assert.equal(lines.length, 30);
    assert.ok(lines.some((line) => line.includes('event 50')));
    assert.ok(!lines.some((line) => line.includes('event 10:')));
    for (const line of lines) assert.ok(line.length <= 100, line);
  });

  it('takes the same space with colour as without', () => {
    const plain = demoPage(picture, 100, 30, false);
    const colored = demoPage(picture, 100, 30, true);
    assert.deepEqual(
      colored.map(widthOf),
      plain.map((line) => line.length),
    );
    assert.notDeepEqual(colored, plain);
  });
});

describe('the summary of the demo', () => {
  const end: DemoEnd = {
    ended: 'reverted',
    endedAfterSeconds: 34,
    endText: 'Reverted to X.',
    status: inPhase('reverted', { cause: { name: 'evidence', text: 'errors 5 % on Y against 0.1 % on X' } }),
    steps: [{ percent: 5, seconds: 12 }],
    faultLines: [],
    traffic,
    failovers: 1,
    cutExchanges: 0,
    errors: [],
    proxyUrl: 'http://127.0.0.1:8000',
    controlUrl: 'http://127.0.0.1:9900',
  };

  it('counts a request without an answer as a failure of its own', () => {
    const text = demoSummary(end, 200, false).join('\n');
    assert.match(text, /^Y was reverted after 34 s/);
    assert.match(text, /Why +errors 5 % on Y against 0\.1 % on X/);
    assert.match(text, /Failed +7 answers with 5xx, 3 without an answer \(0\.10 % of all/);
    assert.match(text, /Saved +1 request /);
  });

  it('says what the record says when Y got everything', () => {
    const text = demoSummary(
      { ...end, ended: 'completed', endText: 'Rollout completed.', status: inPhase('completed') },
      200,
      false,
    );
    assert.match(text.join('\n'), /^Y got everything after 34 s\.\n(.*\n)*Why +Rollout completed\./);
  });
});
