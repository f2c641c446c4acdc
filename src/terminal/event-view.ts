// One line per event of the record: when, what, who, and the sentence.
import type { RecordedEvent } from '#src/record/recorded-event.ts';
import { timeOfDay } from './figures.ts';
import { alignRows, fit, type Style, widthOf } from './style.ts';

/** Columns kept for names and actors, so that lines printed one by one still align. */
const nameColumns = 18;
const actorColumns = 9;
/** A sentence is never cut to less than this. */
const textColumnsMin = 20;

/**
 * `#12  12:03:04  rollout-step  analysis  Step 2 of 6, ...`, one line per event.
 * @param columns width at which sentences are cut off; by default they are not
 */
export function eventLines(
  events: readonly RecordedEvent[],
  style: Style,
  columns = Number.POSITIVE_INFINITY,
): string[] {
  // Measured with a mark behind it, because aligned lines end without blanks.
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
