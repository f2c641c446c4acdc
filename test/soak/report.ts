// The soak's figures as a table: value, target, held or missed.

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** Null where the figure is for information. */
  readonly target: { readonly at: 'most' | 'least'; readonly bound: number } | null;
}

export interface Sample {
  readonly minute: number;
  readonly rssBytes: number;
  readonly fds: number;
}

export interface Circumstances {
  readonly seed: number;
  readonly minutes: number;
  readonly peak: number;
  readonly rate: number;
  readonly machine: string;
  readonly events: readonly (readonly [name: string, count: number])[];
}

/** Least-squares slope of the memory, bytes per minute; 0 with fewer than two samples. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / count;
  const meanY = samples.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / count;
  const covariance = samples.reduce(
    (sum, { minute, rssBytes }) => sum + (minute - meanX) * (rssBytes - meanY),
    0,
  );
  const variance = samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
  return covariance / variance;
}

export function isHeld({ value, target }: Figure): boolean {
  if (target === null) return true;
  return target.at === 'most' ? value <= target.bound : value >= target.bound;
}

const round = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3));

function row(figure: Figure): string {
  const { name, value, target } = figure;
  const bound = target === null ? '' : `at ${target.at} ${round(target.bound)}`;
  const verdict = target === null ? '' : isHeld(figure) ? 'held' : 'MISSED';
  return `| ${name} | ${round(value)} | ${bound} | ${verdict} |`;
}

export function toMarkdown(figures: readonly Figure[], circumstances: Circumstances): string {
  const { seed, minutes, peak, rate, machine, events } = circumstances;
  const happened = events.map(([name, count]) => `${count} × ${name}`).join(', ');
  return [
    '# Soak',
    '',
    `\`node test/soak/run.ts\`, seed ${seed}, ${minutes.toFixed(1)} minutes, ${machine}.`,
    `Load generator, proxy (2 workers) and six upstream nodes share the machine. Peak ${Math.round(peak)} requests/s, load ${rate} requests/s.`,
    `Second half: ${happened || 'nothing happened'}.`,
    '',
    '| figure | value | target | |',
    '| --- | --- | --- | --- |',
    ...figures.map(row),
    '',
  ].join('\n');
}
