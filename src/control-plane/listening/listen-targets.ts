// Which listeners the control API has: those of the configuration, and in place of those of their kind the
// listening sockets that the process was started with.
import { statSync } from 'node:fs';
import {
  type ControlListener,
  roleBySocketMode,
  type TcpControlListener,
  type UnixControlListener,
} from '#src/config/control-config.ts';
import type { InheritedControl } from '#src/shared-memory/messages.ts';
import type { ListenTarget } from './api-listener.ts';

const isTcp = (listener: ControlListener): listener is TcpControlListener => listener.kind === 'tcp';
const isUnix = (listener: ControlListener): listener is UnixControlListener => listener.kind === 'unix';

/** @param ports where the TCP listeners of the thread before listened, in their order; empty for the first */
export function listenTargets(
  configured: readonly ControlListener[],
  inherited: readonly InheritedControl[],
  ports: readonly number[],
): readonly ListenTarget[] {
  const tcp = inherited.filter(({ kind }) => kind === 'tcp');
  const unix = inherited.filter(({ kind }) => kind === 'unix');
  return [
    ...(tcp.length > 0
      ? tcp.map((socket) => inheritedTcp(socket, configured))
      : configuredTcp(configured, ports)),
    ...(unix.length > 0
      ? unix.map((socket) => inheritedUnix(socket, configured))
      : configured.filter(isUnix).map((listener) => ({ listener }))),
  ];
}

function configuredTcp(configured: readonly ControlListener[], ports: readonly number[]): ListenTarget[] {
  return configured.filter(isTcp).map((listener, index) => {
    // Where the system chose the port, people and scripts know the one that the thread before had.
    const port = listener.port === 0 ? (ports[index] ?? 0) : listener.port;
    return { listener, port };
  });
}

/** TLS is that of the first configured address. */
function inheritedTcp(
  { descriptor }: InheritedControl,
  configured: readonly ControlListener[],
): ListenTarget {
  const tls = configured.find(isTcp)?.tls ?? null;
  return { listener: { kind: 'tcp', host: '127.0.0.1', port: 0, tls }, descriptor };
}

/**
 * Who opens it was decided by whoever made it; what he may do then, by the configuration of that path, or by
 * its mode.
 */
function inheritedUnix(
  { descriptor, path }: InheritedControl,
  configured: readonly ControlListener[],
): ListenTarget {
  const known = configured.filter(isUnix).find((listener) => listener.path === path);
  if (known !== undefined) return { listener: known, descriptor };
  const mode = modeOf(path);
  const role = mode === null ? null : roleBySocketMode(mode);
  return { listener: { kind: 'unix', path: path ?? '', mode: mode ?? 0, group: null, role }, descriptor };
}

function modeOf(path: string | null): number | null {
  if (path === null) return null;
  return statSync(path, { throwIfNoEntry: false })?.mode ?? null;
}
