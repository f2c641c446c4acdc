// Where the demo's pictures go: the alternate screen of a terminal, redrawn in place, or plain lines.
import type { CliIo } from '#src/cli/cli-io.ts';
import { eventLines } from '#src/cli/event-view.ts';
import { createStyle } from '#src/cli/style.ts';
import { type DemoPicture, demoLine, demoPage } from './demo-view.ts';

export interface DemoDisplay {
  show(picture: DemoPicture): void;
  /** Something that happened to the demo itself; part of the page in a terminal. */
  note(line: string): void;
  /** Gives the terminal back. */
  close(): void;
}

export const createDisplay = (io: CliIo): DemoDisplay => (io.isTty ? screenDisplay(io) : lineDisplay(io));

// xterm control sequences: alternate screen on/off (1049), cursor hidden/shown (25), home, clear to end of line and screen.
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';

function screenDisplay(io: CliIo): DemoDisplay {
  let isOpen = true;
  const close = () => {
    if (isOpen) io.out(leave);
    isOpen = false;
  };
  io.out(enter);
  // Whatever ends the process, the terminal must not stay on the other screen.
  process.once('exit', close);
  return {
    show(picture) {
      const lines = demoPage(picture, io.columns(), io.rows(), io.color);
      io.out(home + lines.map((line) => `${line}${clearLine}`).join('\n') + clearBelow);
    },
    note: () => {},
    close,
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
