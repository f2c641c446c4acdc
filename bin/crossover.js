// Entry of the program: lets Node keep its compiled code from one start to the next, since removing types and
// compiling is most of the time of a start, and then runs the command line. This file is JavaScript, because
// removing types needs a module that takes longer to load than this file.
import { mkdirSync } from 'node:fs';
// By its default export: an old Node lacks the name, and would say only that.
import module from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** A directory beside the packages: whoever can write it could also write the code. */
const ownDirectory = fileURLToPath(new URL('../node_modules/.cache/crossover', import.meta.url));

/**
 * Keeps compiled code of this thread and those it starts. When the directory cannot be written, starts are
 * only slower.
 */
function keepCompiledCode() {
  const { env } = process;
  if (env.NODE_DISABLE_COMPILE_CACHE !== undefined || env.NODE_COMPILE_CACHE !== undefined) return;
  try {
    mkdirSync(ownDirectory, { recursive: true });
  } catch {
    return;
  }
  module.enableCompileCache(ownDirectory);
  // Threads read this variable.
  env.NODE_COMPILE_CACHE = ownDirectory;
}

/** The first version that removes types by itself; package.json says the same. */
const nodeMajorMin = 24;

const [nodeMajor] = process.versions.node.split('.');
if (Number(nodeMajor) < nodeMajorMin) {
  process.stderr.write(
    `crossover needs Node ${nodeMajorMin} or newer, and this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a newer one, or run `npm ci` without `--omit=dev`: it brings one along.\n',
  );
  process.exit(1);
}
keepCompiledCode();
await import('../src/cli/crossover.ts');
