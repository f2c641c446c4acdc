// A process that uses the store on a file given to it, to be run under other users and limits, or killed.
// argv: mode, file. Prints one JSON line per finding.
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { event, transitionTo } from './records.ts';

const [mode, file] = process.argv.slice(2) as [string, string];
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const opened = openSqliteStore(file);
if (!opened.ok) {
  print({ opened: opened.problem.kind });
} else {
  const store = opened.value;
  const last = store.lastEventId();
  let id = last.ok ? last.value : 0;
  if (mode === 'write-once') {
    const written = store.appendEvent(event(++id));
    print({ written: written.ok ? 'ok' : written.problem.kind, read: store.readEvents(0, 1).ok });
  }
  if (mode === 'fill') {
    const text = 'x'.repeat(8_000);
    let written = store.appendEvent(event(++id, text));
    while (written.ok) written = store.appendEvent(event(++id, text));
    print({ written: written.problem.kind, events: id - 1, read: store.readEvents(0, 1).ok });
  }
  if (mode === 'write-forever') {
    for (;;) {
      id++;
      const weightPpm = id;
      const state = { phase: 'idle', weightPpm } as const;
      if (store.saveTransition(transitionTo(state), state, event(id)).ok) print(id);
    }
  }
}
