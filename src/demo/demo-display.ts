// Shows the demo: on the alternate screen of a terminal, which is redrawn, or as plain lines.
import type { CliIo } from '#src/terminal/cli-io.ts';
import { eventLines } from '#src/terminal/event-view.ts';
import { openScreen } from '#src/terminal/screen.ts';
import { createStyle } from '#src/terminal/style.ts';
import { addressLine, type DemoPicture, demoLine, demoPage } from './demo-view.ts';

export interface DemoDisplay {
  show(picture: DemoPicture): void;
  /** Shows a line about the demo itself; on a terminal only until the first page is drawn. */
  note(line: string): void;
  /** Returns the terminal to its normal screen. */
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

/** How often a line with the state is printed; events are printed at once. */
const lineEverySeconds = 5;

function lineDisplay(io: CliIo): DemoDisplay {
  const style = createStyle(io.color);
  let lastEventId = 0;
  let nextLineSeconds = 0;
  let isNamed = false;
  return {
    show(picture) {
      if (!isNamed) io.out(`${addressLine(picture)}\n`);
      isNamed = true;
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
