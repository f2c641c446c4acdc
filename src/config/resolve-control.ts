// The control API's listeners and who may use them, resolved: every form of `listen.control` becomes a list
// of listeners.
import {
  type ControlConfig,
  type ControlListener,
  type ControlTls,
  type OpenPath,
  type Role,
  roleBySocketMode,
} from './control-config.ts';
import { parseListenAddress } from './net-address.ts';
import { itemsOf, type Report } from './problem-report.ts';
import { checkUrl, oneOf, refuseKeys } from './resolve-signals.ts';
import type { WrittenConfig } from './schema.ts';
import type { ConfigPath } from './yaml-source.ts';

type Written = WrittenConfig['listen']['control'];
type WrittenListener = Exclude<Written, string | readonly unknown[]>;
type WrittenTls = NonNullable<WrittenListener['tls']>;

type ResolvePath = (path: string) => string;

/**
 * Bytes of sockaddr_un's path on the systems there are (104 on macOS, 108 on Linux), less what a name for the
 * time of binding adds.
 */
const socketPathBytesMax = 90;
const socketModeDefault = '0600';
const socketPrefix = 'unix:';

/** Stands in where the written one is wrong. */
const nowhere: ControlListener = { kind: 'tcp', host: '127.0.0.1', port: 0, tls: null };

function tcpListener(
  text: string,
  tls: ControlTls | null,
  path: ConfigPath,
  report: Report,
): ControlListener {
  const parsed = parseListenAddress(text);
  if (parsed.ok) return { kind: 'tcp', ...parsed.value, tls };
  const hint = text.startsWith('/') ? `write ${socketPrefix}${text} for a Unix socket` : parsed.hint;
  report(path, parsed.message, hint);
  return nowhere;
}

function socketPath(text: string, path: ConfigPath, resolvePath: ResolvePath, report: Report): string {
  if (text === '') report(path, 'the path is missing', `such as ${socketPrefix}/run/crossover/control.sock`);
  const resolved = resolvePath(text);
  if (Buffer.byteLength(resolved) > socketPathBytesMax)
    report(
      path,
      `a socket's path has at most ${socketPathBytesMax} bytes, this one has ${Buffer.byteLength(resolved)}`,
      null,
    );
  return resolved;
}

function resolveTls(written: WrittenTls, resolvePath: ResolvePath): ControlTls {
  const { clientCertificates } = written;
  return {
    cert: resolvePath(written.cert),
    key: resolvePath(written.key),
    minVersion: String(written.minVersion ?? '1.2') === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    clientCertificates:
      clientCertificates === undefined
        ? null
        : { ca: resolvePath(clientCertificates.ca), role: (clientCertificates.role ?? 'read') as Role },
  };
}

function resolveMapping(
  written: WrittenListener,
  path: ConfigPath,
  resolvePath: ResolvePath,
  report: Report,
): ControlListener {
  const kind = oneOf(written, ['address', 'socket'], path, report);
  if (kind === null) return nowhere;
  if (kind === 'address') {
    refuseKeys(written, ['mode', 'group', 'role'], 'belongs to a socket', path, report);
    const tls = written.tls === undefined ? null : resolveTls(written.tls, resolvePath);
    return tcpListener(written.address ?? '', tls, [...path, 'address'], report);
  }
  refuseKeys(written, ['tls'], 'belongs to an address', path, report);
  const mode = Number.parseInt(written.mode ?? socketModeDefault, 8);
  const role = written.role === 'none' ? null : ((written.role ?? roleBySocketMode(mode)) as Role | null);
  return {
    kind: 'unix',
    path: socketPath(written.socket ?? '', [...path, 'socket'], resolvePath, report),
    mode,
    group: written.group ?? null,
    role,
  };
}

function resolveListener(
  written: string | WrittenListener,
  path: ConfigPath,
  resolvePath: ResolvePath,
  report: Report,
): ControlListener {
  if (typeof written !== 'string') return resolveMapping(written, path, resolvePath, report);
  if (!written.startsWith(socketPrefix)) return tcpListener(written, null, path, report);
  const mode = Number.parseInt(socketModeDefault, 8);
  return {
    kind: 'unix',
    path: socketPath(written.slice(socketPrefix.length), path, resolvePath, report),
    mode,
    group: null,
    role: roleBySocketMode(mode),
  };
}

/** Where the listener at `index` is written. */
export const controlListenPath = (written: Written, index: number): ConfigPath =>
  Array.isArray(written) ? ['listen', 'control', index] : ['listen', 'control'];

export function resolveControlListen(
  written: Written,
  resolvePath: ResolvePath,
  report: Report,
): readonly ControlListener[] {
  const list = (Array.isArray(written) ? written : [written]) as readonly (string | WrittenListener)[];
  const listeners: ControlListener[] = [];
  for (const [index, one] of itemsOf(list)) {
    const path = controlListenPath(written, index);
    const listener = resolveListener(one, path, resolvePath, report);
    const isTwice =
      listener.kind === 'unix' &&
      listeners.some((other) => other.kind === 'unix' && other.path === listener.path);
    if (isTwice) report(path, `the socket ${listener.path} is there twice`, 'remove one of the two');
    listeners.push(listener);
  }
  return listeners;
}

export function resolveControl(
  written: WrittenConfig['control'],
  resolvePath: ResolvePath,
  report: Report,
): ControlConfig {
  const { token, tokens } = written;
  return {
    token: token === '' ? null : token,
    tokens: tokens === undefined ? null : resolvePath(tokens),
    url: checkUrl(written.url, ['control', 'url'], report) || null,
    hosts: [...itemsOf(written.hosts)].map(([, host]) => host.toLowerCase()),
    open: [...itemsOf(written.open)].map(([, path]) => path as OpenPath),
  };
}
