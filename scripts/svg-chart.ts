// Line charts as SVG files for the documentation, light or dark as the reader's system is, without scripts.

export interface Line {
  readonly name: string;
  /** Colour of the line, one of those below. */
  readonly kind: 'x' | 'y' | 'good' | 'bad';
  readonly dashed?: boolean;
  /** [seconds, value], in time order. */
  readonly points: readonly (readonly [number, number])[];
  /** Whether each value holds until the next, as in steps. */
  readonly isStep?: boolean;
}

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly bottom: number;
  readonly top: number;
  /** Labels of the scale. */
  readonly ticks: readonly (readonly [number, string])[];
  /** A horizontal line, with its text. */
  readonly bar?: readonly [number, string];
  /** Notes at moments: [seconds, text]. */
  readonly notes?: readonly (readonly [number, string])[];
}

const width = 760;
const panelHeight = 190;
const margin = { left: 64, right: 16, top: 34, bottom: 26 };
const plotWidth = width - margin.left - margin.right;

const style = `
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: #5d6b7a; }
.title { font-weight: 600; fill: #1c2530; font-size: 13px; }
.paper { fill: #ffffff; } .grid { stroke: #d9dfe6; } .bar { stroke: #1c2530; stroke-dasharray: 6 4; opacity: .7; }
.note { stroke: #5d6b7a; stroke-dasharray: 2 3; }
path { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.x { stroke: #2563c9; } .y { stroke: #c2570c; } .good { stroke: #1f7a4d; } .bad { stroke: #b3261e; }
.dashed { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #9aa7b5; } .title { fill: #e4e9ef; } .paper { fill: #12171d; } .grid { stroke: #2d3742; } .bar { stroke: #e4e9ef; }
  .x { stroke: #74a7ff; } .y { stroke: #ff9d5c; } .good { stroke: #5fcf95; } .bad { stroke: #ff857b; } }
`;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escapeText = (text: string): string => text.replace(/[&<>]/g, (character) => escapes[character] ?? '');
const rounded = (value: number): number => Number(value.toFixed(1));

/** A file with panels below each other, over the same seconds. */
export function chartFile(label: string, seconds: number, panels: readonly Panel[]): string {
  const height = panels.length * (panelHeight + margin.top + margin.bottom) + 4;
  const drawn = panels.map((panel, index) =>
    drawPanel(panel, seconds, index * (panelHeight + margin.top + margin.bottom) + margin.top),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(label)}">
<style>${style}</style>
<rect class="paper" width="${width}" height="${height}"/>
${drawn.join('\n')}
</svg>
`;
}

function drawPanel(panel: Panel, seconds: number, offset: number): string {
  const x = (second: number) => rounded(margin.left + (Math.min(second, seconds) / seconds) * plotWidth);
  const y = (value: number) => {
    const share =
      (Math.min(panel.top, Math.max(panel.bottom, value)) - panel.bottom) / (panel.top - panel.bottom);
    return rounded(offset + panelHeight * (1 - share));
  };
  const right = width - margin.right;
  const bottom = offset + panelHeight;
  const scale = panel.ticks.map(
    ([value, text]) =>
      `<line class="grid" x1="${margin.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/><text x="${margin.left - 8}" y="${y(value) + 4}" text-anchor="end">${escapeText(text)}</text>`,
  );
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
    return `<text x="${x(share * seconds)}" y="${bottom + 17}" text-anchor="${anchor}">${share * seconds} s</text>`;
  });
  const bar =
    panel.bar === undefined
      ? ''
      : `<line class="bar" x1="${margin.left}" x2="${right}" y1="${y(panel.bar[0])}" y2="${y(panel.bar[0])}"/><text x="${right}" y="${y(panel.bar[0]) - 5}" text-anchor="end">${escapeText(panel.bar[1])}</text>`;
  const notes = (panel.notes ?? []).map(
    ([second, text]) =>
      `<line class="note" x1="${x(second)}" x2="${x(second)}" y1="${offset}" y2="${bottom}"/><text x="${x(second) + 5}" y="${offset + 14}">${escapeText(text)}</text>`,
  );
  const lines = panel.lines.map(
    (line) => `<path class="${line.kind}${line.dashed ? ' dashed' : ''}" d="${pathOf(line, x, y)}"/>`,
  );
  return [titleOf(panel, offset), ...scale, ...times, bar, ...notes, ...lines].join('\n');
}

/** The title with the legend behind it. Their widths are estimated, because nothing here can measure text. */
function titleOf({ title, lines }: Panel, offset: number): string {
  let at = margin.left + title.length * 7.2 + 18;
  const legend = lines.map(({ name, kind, dashed }) => {
    const text = `<path class="${kind}${dashed ? ' dashed' : ''}" d="M${rounded(at)} ${offset - 16}h22"/><text x="${rounded(at + 28)}" y="${offset - 12}">${escapeText(name)}</text>`;
    at += 28 + name.length * 6.4 + 20;
    return text;
  });
  return `<text class="title" x="${margin.left}" y="${offset - 12}">${escapeText(title)}</text>${legend.join('')}`;
}

function pathOf(
  { points, isStep }: Line,
  x: (second: number) => number,
  y: (value: number) => number,
): string {
  return points
    .map(([second, value], index) => {
      if (index === 0) return `M${x(second)} ${y(value)}`;
      return isStep ? `H${x(second)}V${y(value)}` : `L${x(second)} ${y(value)}`;
    })
    .join('');
}
