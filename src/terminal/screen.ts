// A page of text that is redrawn in place, on the terminal's alternate screen, so that what was there before comes back.
import process from 'node:process';
import type { CliIo } from './cli-io.ts';

export interface Screen {
  /** Replaces the page; lines beyond the height are left out, and what is too wide is cut off. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back. */
  close(): void;
}

// xterm control sequences: alternate screen (1049), cursor (25), wrapping (7); home, clear to the end of line and screen.
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';

/** Takes the terminal over until `close`, or until the process ends in whatever way that runs its exit handlers. */
export function openScreen(io: CliIo): Screen {
  let isOpen = true;
  const close = () => {
    if (isOpen) io.out(leave);
    isOpen = false;
    process.off('exit', close);
  };
  process.on('exit', close);
  io.out(enter);
  return {
    draw(lines) {
      const shown = lines.slice(0, io.rows()).map((line) => line + clearLine);
      io.out(home + shown.join('\n') + clearBelow);
    },
    close,
  };
}
