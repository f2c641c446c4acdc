// What people read in the record about threads, reloads and replacements.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lifecycleEvent } from '#src/control-plane/supervisor/lifecycle-event.ts';
import type { LifecycleName } from '#src/shared-memory/messages.ts';

const problem = {
  file: 'c.yaml',
  line: 3,
  column: 5,
  path: 'workers',
  message: 'expected a number.',
  hint: null,
};

const cases: [LifecycleName, Record<string, unknown>, string][] = [
  [
    'worker-lost',
    { worker: 1, connections: 3, requests: 2 },
    'Worker 1 died with 3 connections and 2 requests; it is being replaced.',
  ],
  ['worker-replaced', { worker: 1 }, 'Worker 1 has been replaced and takes traffic.'],
  [
    'control-replaced',
    { generation: 1 },
    'The control thread died and has been replaced; traffic went on at the last split.',
  ],
  [
    'reload-refused',
    { problems: [problem, { ...problem, line: 4, hint: 'restart to change it' }] },
    'The configuration was not reloaded, the old one stays: c.yaml:3:5: workers: expected a number; c.yaml:4:5: workers: expected a number (restart to change it).',
  ],
  [
    'replacing',
    { pid: 8774 },
    'Process 8774 starts a new process in its place; until that serves, no decisions are made.',
  ],
  [
    'replace-refused',
    { reason: 'listen.proxy changes' },
    'No new process was started in place of this one: listen.proxy changes.',
  ],
  [
    'replace-failed',
    { reason: 'the new process 78 does not serve: The store is in use.' },
    'This process goes on, because the new process 78 does not serve: The store is in use.',
  ],
];

for (const [name, detail, text] of cases) {
  test(`event ${name} is a sentence`, () => {
    const event = lifecycleEvent({ type: 'lifecycle', name, detail });
    assert.deepEqual(event, { name, level: 'warn', text, detail });
  });
}
