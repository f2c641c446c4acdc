#!/usr/bin/env node
// Entry of the command line, `crossover <command>`: runs the command and exits with its exit code.
import process from 'node:process';
import { endNow } from '#src/supervisor/end-now.ts';
import { processIo } from '#src/terminal/cli-io.ts';
import { runProgram } from './program.ts';

/**
 * After the command is done, a handle that was left open or a thread that is stuck may hold the process this
 * long.
 */
const lingerMs = 1_000;

// `crossover events | head` closes our stdout early; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runProgram(process.argv.slice(2), processIo());
setTimeout(() => endNow(Number(process.exitCode ?? 0)), lingerMs).unref();
