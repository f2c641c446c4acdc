// Reads from the environment which listening sockets this process was started with, by a service manager
// (sd_listen_fds(3)) or by the process that it replaces. They are the descriptors from 3 on.
import { handedOverVariable } from './handed-over.ts';
import { StartError } from './start-error.ts';

/**
 * Variable that is set for a new process which replaces this one: the names of its sockets, as in
 * LISTEN_FDNAMES. LISTEN_PID cannot be set, because the id of a process is not known before it is started.
 */
export const successorVariable = 'CROSSOVER_INHERITED_LISTENERS';

/** The first inherited descriptor: SD_LISTEN_FDS_START. */
export const firstDescriptor = 3;
/** More sockets must be a mistake: there are at most 64 workers, and one socket for each is enough. */
const listenersMax = 256;

export interface InheritedListeners {
  /** One for each descriptor: `control` is the control API's socket, any other name the proxy's. */
  readonly names: readonly string[];
  readonly from: 'service manager' | 'predecessor';
}

/**
 * Reads the variables; null when there are none for this process. LISTEN_PID is compared with the process'
 * id, as sd_listen_fds(3) does, so that a child of the intended process does not use them.
 *
 * @throws StartError when they are meant for this process and are not valid
 */
export function readInheritedListeners(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedListeners | null {
  const handedOver = env[successorVariable];
  if (handedOver !== undefined) return { names: handedOver.split(':'), from: 'predecessor' };
  if (env.LISTEN_FDS === undefined || env.LISTEN_PID !== String(pid)) return null;
  const count = Number(env.LISTEN_FDS);
  if (!/^\d+$/.test(env.LISTEN_FDS) || count > listenersMax)
    throw new StartError('LISTEN_FDS', `LISTEN_FDS is "${env.LISTEN_FDS}", not a number of sockets`);
  if (count === 0) return null;
  const names = env.LISTEN_FDNAMES?.split(':') ?? Array.from({ length: count }, () => 'proxy');
  if (names.length !== count)
    throw new StartError(
      'LISTEN_FDS',
      `LISTEN_FDS says ${count} sockets, LISTEN_FDNAMES names ${names.length}: ${names.join(', ')}`,
    );
  if (!names.some((name) => name !== 'control'))
    throw new StartError(
      'LISTEN_FDS',
      'all of the inherited sockets are named "control": the proxy has none',
    );
  return { names, from: 'service manager' };
}

/**
 * Whether the variables are set but meant for another process, such as a wrapper script that did not `exec`.
 */
export const isForAnother = (env: Readonly<Record<string, string | undefined>>, pid: number): boolean =>
  env.LISTEN_PID !== undefined && env.LISTEN_PID !== String(pid) && env.LISTEN_FDS !== undefined;

/** Removes the variables, so that child processes do not use the sockets. */
export function forgetInheritedListeners(env: Record<string, string | undefined>): void {
  for (const name of [
    successorVariable,
    handedOverVariable,
    'LISTEN_PID',
    'LISTEN_FDS',
    'LISTEN_FDNAMES',
    'LISTEN_PIDFDID',
  ])
    delete env[name];
}
