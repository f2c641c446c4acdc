// What commands use of the outside world: output, environment and terminal. It is passed in, so that tests
// can pass their own.
import process from 'node:process';

export interface CliIo {
  /** Writes results and data, which a script may read. */
  out(text: string): void;
  /** Writes what is meant for people: errors, progress, advice. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether stdout is a terminal that can be redrawn. */
  readonly isTty: boolean;
  /** Whether colour is wanted: a terminal, and NO_COLOR unset or empty (no-color.org). */
  readonly color: boolean;
  /** Width of the terminal in columns; 100 where there is none. */
  columns(): number;
  /** Height of the terminal in lines; 40 where there is none. */
  rows(): number;
}

/** What a command is given when it runs; it sets the exit code. */
export interface CliContext {
  readonly io: CliIo;
  exitCode: number;
}

/** Ends a command with a sentence and an exit code. It is for expected failures, not for bugs. */
export class CliError extends Error {
  readonly exitCode: number;
  /** What to do about it; it is printed below the message. */
  readonly advice: string | null;

  constructor(message: string, exitCode: number, advice: string | null = null) {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** Exit codes of every command. */
export const exitCodes = { done: 0, failed: 1, badUsage: 2, reverted: 3 } as const;

/** The real terminal and environment. */
export function processIo(): CliIo {
  const { stdout, stderr, env } = process;
  const isTty = stdout.isTTY === true && env.TERM !== 'dumb';
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    env,
    isTty,
    color: isTty && (env.NO_COLOR ?? '') === '',
    columns: () => (isTty ? stdout.columns : 100),
    rows: () => (isTty ? stdout.rows : 40),
  };
}
