// Runs the command line inside the test, with what it prints kept.

import { runProgram } from '#src/cli/program.ts';
import type { CliIo } from '#src/terminal/cli-io.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface CliSurroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly color?: boolean;
  readonly columns?: number;
}

/** Runs `crossover` with the arguments. */
export async function runCli(
  args: readonly string[],
  surroundings: CliSurroundings = {},
): Promise<CliResult> {
  let out = '';
  let err = '';
  const io: CliIo = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    // No Crossover that runs beside the tests.
    env: { CROSSOVER_RUNTIME_DIR: '/nonexistent', ...surroundings.env },
    isTty: false,
    color: surroundings.color ?? false,
    columns: () => surroundings.columns ?? 100,
    rows: () => 40,
  };
  const exitCode = await runProgram(args, io);
  return { exitCode, out, err };
}
