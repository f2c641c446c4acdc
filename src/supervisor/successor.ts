// The process that replaces this one: the same program with the same arguments, started with our listening sockets. It
// says over a channel of its own when it serves.
import { spawn } from 'node:child_process';
import { type HandedOver, handedOverText, handedOverVariable } from './handed-over.ts';
import { forgetInheritedListeners, successorVariable } from './inherited-listeners.ts';
import type { NamedDescriptor } from './listening-sockets.ts';

/** What a successor tells its predecessor, once. */
export type SuccessorReport =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string };

export interface Successor {
  readonly pid: number;
  /** Resolves with null when it serves, else with why it never will. */
  readonly outcome: Promise<string | null>;
  /** Ends it; resolves when it has ended. */
  end(): Promise<void>;
}

/** As it was called: through a link that points to a new release by now, and not where that pointed to. */
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
  // Once it serves it has a life of its own.
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

/** Tells the process that started this one as its successor, if one did, and lets go of it. */
export function reportToPredecessor(report: SuccessorReport): void {
  if (process.send === undefined || !process.connected) return;
  // A predecessor that is gone by now has nothing to wait for.
  process.send(report, undefined, undefined, () => process.disconnect?.());
}
