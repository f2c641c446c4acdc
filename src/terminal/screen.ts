// Text that is redrawn in place on the terminal's alternate screen. What was shown before returns when it is
// closed.
import process from 'node:process';
import type { CliIo } from './cli-io.ts';

export interface Screen {
  /**
   * Shows these lines instead of those before. Lines beyond the terminal's height are left out, wide ones are
   * cut.
   */
  draw(lines: readonly string[]): void;
  /** Returns to the normal screen. */
  close(): void;
}

// xterm control sequences: alternate screen (1049), cursor (25), wrapping (7); home, clear to the end of line
// and screen.
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';

/** Switches to the alternate screen until `close` is called or the process exits. */
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
