// Events of the record as lines: number, time, name, actor and text.
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { timeOfDay } from './figures.ts';
import { alignRows, fit, type Style, widthOf } from './style.ts';

/** Columns for names and for actors at least, so that lines that are printed one by one are aligned. */
const nameColumns = 18;
const actorColumns = 9;
/** Columns of the text that are shown even on a narrow terminal. */
const textColumnsMin = 20;

/**
 * A line for each event, such as `#12  12:03:04  rollout-step  analysis  Step 2 of 6, ...`.
 * @param columns width at which texts are cut; by default they are not
 */
export function eventLines(
  events: readonly RecordedEvent[],
  style: Style,
  columns = Number.POSITIVE_INFINITY,
): string[] {
  // With a mark behind them, because alignRows removes blanks at the end of a line.
  const heads = alignRows(events.map((event) => [...headCells(event, style), '|']));
  const room = Math.max(textColumnsMin, columns - Math.max(0, ...heads.map(widthOf)) + 1);
  return alignRows(events.map((event) => [...headCells(event, style), fit(event.text, room)]));
}

const headCells = (event: RecordedEvent, style: Style): string[] => [
  style.dim(`#${event.id}`.padEnd(4)),
  timeOfDay(event.atMs),
  colorOf(event.name, style)(event.name.padEnd(nameColumns)),
  style.dim(event.actor.padEnd(actorColumns)),
];

function colorOf(name: string, style: Style): (text: string) => string {
  if (/revert|unhealthy|lost|failed|ejected/.test(name)) return style.bad;
  return /complete|healthy|recovered/.test(name) ? style.good : style.bold;
}
