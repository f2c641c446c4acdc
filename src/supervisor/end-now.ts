// Ends the process although threads of it are stuck. `process.exit` waits until every thread has left the
// system call that it is in, which on a disk that hangs may be never.
import process from 'node:process';

/** Linux keeps this name for the running program also when its file was replaced by a newer one. */
const program = process.platform === 'linux' ? '/proc/self/exe' : process.execPath;

/**
 * Ends the process at once with this exit code, 0 to 255. Replacing the program of a process ends all its
 * threads as a kill does (execve(2)), and unlike a kill leaves an exit code of our choice. Where a program
 * cannot be replaced, it ends as `process.exit` does.
 */
export function endNow(exitCode: number): never {
  try {
    process.execve?.(program, ['node', '-e', `process.exitCode = ${exitCode}`], {});
  } catch {
    // This platform has no such call, or no memory for a program.
  }
  process.exit(exitCode);
}
