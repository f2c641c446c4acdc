// The way in. Keeps what Node makes of the modules (types removed, code compiled) from one start to the next, which is most
// of a start's time; then runs the command line. JavaScript, because what removes types takes longer to load than the rest.
import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Beside the packages, so that nobody can write it who could not write the code itself. */
const ownDirectory = fileURLToPath(new URL('../node_modules/.cache/crossover', import.meta.url));

/** For this thread and those it starts. Where the directory cannot be written, starts are only slower. */
function keepCompiledCode() {
  const { env } = process;
  if (env.NODE_DISABLE_COMPILE_CACHE !== undefined || env.NODE_COMPILE_CACHE !== undefined) return;
  try {
    mkdirSync(ownDirectory, { recursive: true });
  } catch {
    return;
  }
  enableCompileCache(ownDirectory);
  // Threads look here.
  env.NODE_COMPILE_CACHE = ownDirectory;
}

keepCompiledCode();
await import('../src/cli/crossover.ts');
