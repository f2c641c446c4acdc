// One line per event of the record: when, what, who, and the sentence.
import type { RecordedEvent } from '#src/control-plane/store/store.ts';
import { timeOfDay } from './figures.ts';
import { alignRows, type Style } from './style.ts';

/** Columns kept for names and actors, so that lines printed one by one still align. */
const nameColumns = 16;
const actorColumns = 9;

/** `#12  12:03:04  rollout-step      analysis   Y is not worse at 5 %: ...`. */
export function eventLines(events: readonly RecordedEvent[], style: Style): string[] {
  const rows = events.map((event) => [
    style.dim(`#${event.id}`.padEnd(4)),
    timeOfDay(event.atMs),
    colorOf(event.name, style)(event.name.padEnd(nameColumns)),
    style.dim(event.actor.padEnd(actorColumns)),
    event.text,
  ]);
  return alignRows(rows);
}

function colorOf(name: string, style: Style): (text: string) => string {
  if (/revert|unhealthy|lost|failed|ejected/.test(name)) return style.bad;
  return /complete|healthy|recovered/.test(name) ? style.good : style.bold;
}
