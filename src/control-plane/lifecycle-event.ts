// What the supervisor tells of threads and reloads, as an event for the record.
import type { ConfigProblem, ToControl } from '#src/shared-memory/messages.ts';
import type { EventInput } from './event-log.ts';

export function lifecycleEvent({ name, detail }: Extract<ToControl, { type: 'lifecycle' }>): EventInput {
  return {
    name,
    level: 'warn',
    text: `${name.replaceAll('-', ' ')}: ${detailText(detail)}.`,
    detail,
  };
}

/** Problems of a config as `check` prints them, anything else as `name value` pairs. */
function detailText(detail: Readonly<Record<string, unknown>>): string {
  const { problems } = detail;
  if (!Array.isArray(problems)) {
    return Object.entries(detail)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ');
  }
  return (problems as readonly ConfigProblem[])
    .map(({ file, line, column, path, message }) => `${file}:${line}:${column}: ${path}: ${message}`)
    .join('; ');
}
