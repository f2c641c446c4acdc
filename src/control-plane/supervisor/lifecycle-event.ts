// What the supervisor tells of threads, reloads and its own replacement, as an event for the record.
import { unreachable } from '#src/base/assert.ts';
import type { EventInput } from '#src/control-plane/events/event-log.ts';
import type { ConfigProblem, ToControl } from '#src/shared-memory/messages.ts';

type Lifecycle = Extract<ToControl, { type: 'lifecycle' }>;

export function lifecycleEvent(message: Lifecycle): EventInput {
  const { name, detail } = message;
  return { name, level: 'warn', text: `${sentence(message)}.`, detail };
}

/** Without its full stop. */
function sentence({ name, detail }: Lifecycle): string {
  const said = (key: string) => String(detail[key]);
  switch (name) {
    case 'worker-lost':
      return `Worker ${said('worker')} died with ${said('connections')} connections and ${said('requests')} requests; it is being replaced`;
    case 'worker-replaced':
      return `Worker ${said('worker')} has been replaced and takes traffic`;
    case 'control-replaced':
      return 'The control thread died and has been replaced; traffic went on at the last split';
    case 'reload-refused':
      return `The configuration was not reloaded, the old one stays: ${problemsText(detail.problems)}`;
    case 'replacing':
      return `Process ${said('pid')} starts a new process in its place; until that serves, no decisions are made`;
    case 'replace-refused':
      return `No new process was started in place of this one: ${clause(said('reason'))}`;
    case 'replace-failed':
      return `This process goes on, because ${clause(said('reason'))}`;
    default:
      return unreachable(name);
  }
}

/** Problems of a config as `check` prints them. */
function problemsText(problems: unknown): string {
  return (problems as readonly ConfigProblem[])
    .map(({ file, line, column, path, message, hint }) => {
      const advice = hint === null ? '' : ` (${clause(hint)})`;
      return `${file}:${line}:${column}: ${path}: ${clause(message)}${advice}`;
    })
    .join('; ');
}

/** Reasons may be whole sentences of others. */
function clause(text: string): string {
  return text.replace(/\.$/, '');
}
