// Starts the process that replaces this one: the same program with the same arguments and the listening
// sockets. It reports over an IPC channel when it serves.
import { spawn } from 'node:child_process';
import { type HandedOver, handedOverText, handedOverVariable } from './handed-over.ts';
import { forgetInheritedListeners, successorVariable } from './inherited-listeners.ts';
import type { NamedDescriptor } from './listening-sockets.ts';

/** What a new process reports to the one it replaces, once. */
type SuccessorReport = { readonly type: 'ready' } | { readonly type: 'failed'; readonly message: string };

export interface Successor {
  readonly pid: number;
  /** Resolves with null when it serves, else with the reason why it never will. */
  readonly outcome: Promise<string | null>;
  /** Ends the process; resolves when it has ended. */
  end(): Promise<void>;
}

/**
 * The program as it was called. If that is a link, it may point to another version by now, which is then
 * started.
 */
const program = process.argv0.includes('/') ? process.argv0 : process.execPath;

export function startSuccessor(sockets: readonly NamedDescriptor[], handedOver: HandedOver): Successor {
  const env: NodeJS.ProcessEnv = { ...process.env };
  forgetInheritedListeners(env);
  env[successorVariable] = sockets.map(({ name }) => name).join(':');
  env[handedOverVariable] = handedOverText(handedOver);
  const child = spawn(program, [...process.execArgv, ...process.argv.slice(1)], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', ...sockets.map(({ descriptor }) => descriptor), 'ipc'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const outcome = new Promise<string | null>((resolve) => {
    child.on('message', (report: SuccessorReport) =>
      resolve(report.type === 'ready' ? null : report.message),
    );
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`it ended (${signal ?? `exit code ${code}`})`));
  });
  // When it serves, this process need not wait for its end.
  void outcome.then((problem) => problem ?? child.unref());
  return {
    pid: child.pid ?? 0,
    outcome,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Reports to the process that this one replaces, if there is one, and closes the channel to it. */
export function reportToPredecessor(report: SuccessorReport): void {
  if (process.send === undefined || !process.connected) return;
  // If the other process has ended by now, there is nobody to report to.
  process.send(report, undefined, undefined, () => process.disconnect?.());
}
