// The Date line for answers that came without one, made once a second.
import { ascii } from '#src/core/http1/characters.ts';

export class DateLine {
  /** `Date: …` with its line end. */
  line: Uint8Array;
  #second: number;

  constructor(epochMs: number) {
    this.line = dateLine(epochMs);
    this.#second = Math.floor(epochMs / 1000);
  }

  refresh(epochMs: number): void {
    const second = Math.floor(epochMs / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.line = dateLine(epochMs);
  }
}

function dateLine(epochMs: number): Uint8Array {
  return ascii(`Date: ${new Date(epochMs).toUTCString()}\r\n`);
}
