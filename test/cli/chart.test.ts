// The charts of reports: scales and lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineChart, pathOf, ticksTo } from '#src/cli/report/chart.ts';
import { html } from '#src/cli/report/html.ts';

const place = { x: (atMs: number) => atMs, y: (value: number) => 100 - value };
const points = (...values: (number | null)[]) => values.map((value, index) => ({ atMs: index * 10, value }));
const line = (...values: (number | null)[]) =>
  pathOf({ name: 'a', kind: 'x', points: points(...values) }, place);

for (const [max, expected] of [
  [5, [0, 2, 4, 6]],
  [100, [0, 25, 50, 75, 100]],
  [0.013, [0, 0.005, 0.01, 0.015]],
  [1, [0, 0.25, 0.5, 0.75, 1]],
  [0, [0, 1]],
  [Number.NaN, [0, 1]],
] as const) {
  test(`chart scale of at most ${max} has round steps`, () => assert.deepEqual(ticksTo(max), expected));
}

test('chart scale reaches every largest value in 3 to 6 steps', () => {
  for (let max = 1e-6; max < 1e9; max *= 1.37) {
    const ticks = ticksTo(max);
    assert.ok(
      (ticks.at(-1) ?? 0) >= max * 0.999_999 && ticks.length >= 3 && ticks.length <= 6,
      `${max}: ${ticks}`,
    );
  }
});

test('chart line connects what there is and breaks where there is nothing', () => {
  assert.equal(line(1, 2), 'M0 99L10 98');
  assert.equal(line(1, null, 3, 4), 'M0 99h0.1M20 97L30 96');
  assert.equal(line(null, null), '');
  assert.equal(line(7), 'M0 93h0.1');
});

test('chart line of steps holds each value until the next', () => {
  assert.equal(
    pathOf({ name: 'a', kind: 'y', isStep: true, points: points(0, 5, 0) }, place),
    'M0 100H10V95H20V100',
  );
});

test('chart says in words what it shows and stays within its frame', () => {
  const chart = lineChart({
    title: 'Errors <of Y>',
    span: { fromMs: 0, toMs: 10 },
    series: [{ name: 'Y', kind: 'y', points: points(5, 1, 9) }],
    format: (value) => `${value} %`,
    timeLabel: String,
    top: 8,
  });
  assert.ok(chart.html.includes('aria-label="Errors &lt;of Y&gt;. Y: at most 9 %, at the end 9 %."'));
  const path = /class="line y" d="(M[^"]+200[^"]*|M[^"]+)"\/>\n<\/svg>/.exec(chart.html)?.[1] ?? '';
  const numbers = path.match(/[\d.]+/g)?.map(Number) ?? [];
  assert.ok(numbers.length >= 6 && numbers.every((number) => number >= 0 && number <= 1000), path);
});

test('html escapes what is put into it, also in attributes, and joins lists', () => {
  const name = `"><img src=x onerror='y'>&`;
  const out = html`<p title="${name}">${[html`<b>${1}</b>`, null, '<']}</p>`.html;
  assert.equal(out, '<p title="&quot;&gt;&lt;img src=x onerror=&#39;y&#39;&gt;&amp;"><b>1</b>&lt;</p>');
});
