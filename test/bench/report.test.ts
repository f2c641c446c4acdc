import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Measurement, nothingMeasured } from '../../bench/measure.ts';
import { caseTables, doubts, targetTable } from '../../bench/report.ts';
import type { Results } from '../../bench/rounds.ts';

const measurement = (changes: Partial<Measurement>): Measurement => ({ ...nothingMeasured, ...changes });

const results: Results = new Map([
  [
    '1k',
    new Map([
      ['crossover', measurement({ perSecond: 40_000, cpuUs: 18 })],
      ['nginx', measurement({ perSecond: 50_000, cpuUs: 20 })],
      ['fastify', measurement({ perSecond: 10_000, cpuUs: 40 })],
    ]),
  ],
  ['idle', new Map([['crossover', measurement({ idleConnectionBytes: 5000 })]])],
]);

test('caseTables shows figures with their ratio to the reference when both have them', () => {
  const text = caseTables(results, 'nginx');
  assert.match(text, /### 1 KB GET/);
  assert.match(text, /\| crossover \| +40,000 \(0\.80\) \| +18\.0 \(0\.90\) \|/);
  assert.doesNotMatch(text, /p99/, 'a column without figures is left out');
});

test('targetTable says met or missed for every target that was measured', () => {
  const rows = targetTable(results).split('\n');
  const row = (text: string) => rows.find((line) => line.includes(text)) ?? '';
  assert.match(row('0.90 × nginx'), /at most 1\.00 \| +met \|/);
  assert.match(row('@fastify/http-proxy'), /0\.45 .*at most 0\.40 \| missed \|/);
  assert.match(row('idle connection'), /5,000 bytes .*at most 4,096 \| missed \|/);
  assert.doesNotMatch(rows.join('\n'), /p99 at half load/);
});

test('targetTable does not judge latency where the rate was not kept or others used the core', () => {
  const halfLoad = (nginx: Partial<Measurement>): Results =>
    new Map([
      [
        'half',
        new Map([
          ['crossover', measurement({ p99Us: 900, foreign: 0.02 })],
          ['nginx', measurement({ p99Us: 1000, foreign: 0.02, ...nginx })],
        ]),
      ],
    ]);
  assert.match(targetTable(halfLoad({})), /0\.90 × nginx .*met/);
  assert.match(targetTable(halfLoad({ overloaded: true })), /no verdict: the rate was not kept/);
  assert.match(targetTable(halfLoad({ foreign: 0.5 })), /no verdict: the machine was not quiet/);
});

test('doubts warns when others used the core of the proxy', () => {
  const run = (foreign: number): Results => new Map([['1k', new Map([['nginx', measurement({ foreign })]])]]);
  assert.equal(doubts(run(0.02)), '');
  assert.match(doubts(run(0.4)), /not quiet\*\*: others used up to 40 %/);
});
