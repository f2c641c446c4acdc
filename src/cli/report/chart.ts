// Line charts over time as inline SVG. The drawing is stretched to the available width; its labels are HTML,
// so that they stay readable on a phone and on paper. There is no script: the exact numbers are in the
// report's tables.
import { type Html, html, type Piece } from './html.ts';

export interface Series {
  readonly name: string;
  /** Class of the line: `x`, `y`, `good` or `bad`, with `dashed` or without. */
  readonly kind: string;
  /** In the order of time. The line is interrupted where a value is null. */
  readonly points: readonly { readonly atMs: number; readonly value: number | null }[];
  /** Whether each value holds until the next, as in steps. */
  readonly isStep?: boolean;
}

export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

interface ChartOptions {
  readonly title: string;
  readonly span: TimeSpan;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Label of a time on the axis. */
  readonly timeLabel: (atMs: number) => string;
  /** Vertical lines at moments that matter. */
  readonly marks?: readonly { readonly atMs: number; readonly kind: string }[];
  /** Top of the scale; by default the largest value. */
  readonly top?: number;
  /** Value at which a horizontal line is drawn. */
  readonly bar?: number;
}

const width = 1000;
const height = 200;

/** 3 to 5 round numbers from 0 to at least `max`. */
export function ticksTo(max: number): number[] {
  if (!(max > 0) || !Number.isFinite(max)) return [0, 1];
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil(max / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** A figure with title, legend, axes and lines. */
export function lineChart(options: ChartOptions): Html {
  const { title, series, format, span, timeLabel, marks = [], bar } = options;
  const largest = Math.max(0, ...series.flatMap(({ points }) => points.map(({ value }) => value ?? 0)));
  const ticks = options.top === undefined ? ticksTo(Math.max(largest, bar ?? 0)) : ticksTo(options.top);
  const top = ticks.at(-1) ?? 1;
  const place = placer(span, top);
  return html`<figure class="chart">
<figcaption><strong>${title}</strong>${series.map(legend)}</figcaption>
<div class="plot">
<div class="y-axis">${ticks.map((tick) => html`<span style="bottom:${percent(tick / top)}">${format(tick)}</span>`)}</div>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${describe(options)}">
${ticks.map((tick) => html`<line class="grid" x1="0" x2="${width}" y1="${place.y(tick)}" y2="${place.y(tick)}"/>`)}
${marks.map(({ atMs, kind }) => html`<line class="mark ${kind}" x1="${place.x(atMs)}" x2="${place.x(atMs)}" y1="0" y2="${height}"/>`)}
${bar === undefined ? null : html`<line class="bar" x1="0" x2="${width}" y1="${place.y(bar)}" y2="${place.y(bar)}"/>`}
${series.map((one) => html`<path class="line ${one.kind}" d="${pathOf(one, place)}"/>`)}
</svg>
<div class="x-axis">${timeTicks(span).map(
    (atMs, index, all) =>
      html`<span class="${edge(index, all.length)}" style="left:${percent(shareOf(atMs, span))}">${timeLabel(atMs)}</span>`,
  )}</div>
</div>
</figure>
`;
}

interface Placer {
  x(atMs: number): number;
  y(value: number): number;
}

const shareOf = (atMs: number, { fromMs, toMs }: TimeSpan): number =>
  Math.min(1, Math.max(0, (atMs - fromMs) / Math.max(1, toMs - fromMs)));

function placer(span: TimeSpan, top: number): Placer {
  const rounded = (value: number): number => Number(value.toFixed(1));
  return {
    x: (atMs) => rounded(shareOf(atMs, span) * width),
    y: (value) => rounded(height - Math.min(1, Math.max(0, value / top)) * height),
  };
}

/**
 * The line as SVG path data. A single point becomes a very short line, which is shown as a dot because its
 * ends are round.
 */
export function pathOf({ points, isStep = false }: Series, place: Placer): string {
  let path = '';
  let lastY: number | null = null;
  for (const [index, { atMs, value }] of points.entries()) {
    if (value === null) {
      lastY = null;
      continue;
    }
    const [x, y] = [place.x(atMs), place.y(value)];
    if (lastY === null) path += `M${x} ${y}`;
    else path += isStep ? `H${x}V${y}` : `L${x} ${y}`;
    const next = points[index + 1];
    if (lastY === null && (next === undefined || next.value === null)) path += 'h0.1';
    lastY = y;
  }
  return path;
}

const legend = ({ name, kind }: Series): Piece =>
  html`<span class="legend"><svg viewBox="0 0 24 8" aria-hidden="true"><path class="line ${kind}" d="M1 4H23"/></svg>${name}</span>`;

const percent = (share: number): string => `${Number((share * 100).toFixed(2))}%`;

/** Class of a label at an end of the axis, which keeps it within the chart. */
const edge = (index: number, count: number): string =>
  index === 0 ? 'first' : index === count - 1 ? 'last' : 'middle';

const timeTicks = ({ fromMs, toMs }: TimeSpan): number[] =>
  [0, 0.25, 0.5, 0.75, 1].map((share) => fromMs + share * (toMs - fromMs));

/** The chart's description for people who cannot see it. */
function describe({ title, series, format }: ChartOptions): string {
  const texts = series.map(({ name, points }) => {
    const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
    const last = values.at(-1);
    if (last === undefined) return `${name}: no data`;
    return `${name}: at most ${format(Math.max(...values))}, at the end ${format(last)}`;
  });
  return `${title}. ${texts.join('; ')}.`;
}
