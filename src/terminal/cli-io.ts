// What a command may touch of the outside world. Tests hand in their own, so that no command reads process.* by itself.
import process from 'node:process';

export interface CliIo {
  /** Results and data; what a script reads. */
  out(text: string): void;
  /** Everything meant for a person: errors, progress, advice. */
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

/** A running program: the command that ran puts its exit code here. */
export interface CliContext {
  readonly io: CliIo;
  exitCode: number;
}

/** Thrown by a command to end with one plain sentence and an exit code; never for bugs. */
export class CliError extends Error {
  readonly exitCode: number;
  /** What to do about it; printed below the message. */
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
