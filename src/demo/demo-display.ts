// Where the demo's pictures go: the alternate screen of a terminal, redrawn in place, or plain lines.
import type { CliIo } from '#src/terminal/cli-io.ts';
import { eventLines } from '#src/terminal/event-view.ts';
import { openScreen } from '#src/terminal/screen.ts';
import { createStyle } from '#src/terminal/style.ts';
import { type DemoPicture, demoLine, demoPage } from './demo-view.ts';

export interface DemoDisplay {
  show(picture: DemoPicture): void;
  /** Something that happened to the demo itself; in a terminal the page says it, once there is one. */
  note(line: string): void;
  /** Gives the terminal back. */
  close(): void;
}

export const createDisplay = (io: CliIo): DemoDisplay => (io.isTty ? screenDisplay(io) : lineDisplay(io));

function screenDisplay(io: CliIo): DemoDisplay {
  const screen = openScreen(io);
  let isEmpty = true;
  return {
    show: (picture) => {
      isEmpty = false;
      screen.draw(demoPage(picture, io.columns(), io.rows(), io.color));
    },
    note: (line) => {
      if (isEmpty) screen.draw([line]);
    },
    close: () => screen.close(),
  };
}

/** A summary line this often; events and notes at once. */
const lineEverySeconds = 5;

function lineDisplay(io: CliIo): DemoDisplay {
  const style = createStyle(io.color);
  let lastEventId = 0;
  let nextLineSeconds = 0;
  return {
    show(picture) {
      const fresh = picture.events.filter((event) => event.id > lastEventId);
      lastEventId = fresh.at(-1)?.id ?? lastEventId;
      for (const line of eventLines(fresh, style)) io.out(`${line}\n`);
      if (picture.elapsedSeconds < nextLineSeconds) return;
      nextLineSeconds = picture.elapsedSeconds + lineEverySeconds;
      io.out(`${demoLine(picture)}\n`);
    },
    note: (line) => io.out(`${line}\n`),
    close: () => {},
  };
}
