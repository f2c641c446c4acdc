// Checks listeners and nodes together: two listeners must not have the same port, a node must not be one of
// Crossover's own listeners or a cloud's service of credentials, and a control API that others can reach
// needs a token.
import { refusalAsPeer } from './address-guard.ts';
import type { Address, Cidr, Config } from './config.ts';
import { formatHostPort, isLoopback, isWildcard, parseNodeUrl } from './net-address.ts';
import { adminAdvice, adminHost, objectionToNode } from './node-objection.ts';
import type { OwnListener, OwnMachine } from './own-listener.ts';
import { itemsOf, type Report } from './problem-report.ts';
import { controlListenPath } from './resolve-control.ts';
import type { WrittenConfig } from './schema.ts';
import { type ConfigPath, formatPath } from './yaml-source.ts';

interface Listeners {
  readonly written: WrittenConfig;
  readonly listen: Config['listen'];
  /** Whether callers are told apart by a token that the operator gave out. */
  readonly hasToken: boolean;
  readonly linkLocalNodes: readonly Cidr[];
  readonly own: OwnMachine;
}

interface PlacedListener extends OwnListener {
  readonly path: ConfigPath;
}

/** Whether both would listen on the same address. Port 0 is another port each time. */
const overlap = (a: Address, b: Address): boolean =>
  a.port !== 0 && a.port === b.port && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));

function placedListeners({ listen, written }: Listeners): PlacedListener[] {
  const control = listen.control.flatMap((listener, index) => {
    const path = controlListenPath(written.listen.control, index);
    return listener.kind === 'tcp' ? [{ name: formatPath(path), path, address: listener }] : [];
  });
  const { admin } = listen;
  return [
    { name: 'listen.proxy', path: ['listen', 'proxy'], address: listen.proxy },
    ...control,
    ...(admin === null ? [] : [{ name: 'listen.admin', path: ['listen', 'admin'], address: admin }]),
  ];
}

function checkPorts(listeners: readonly PlacedListener[], report: Report): void {
  for (const [index, { path, address }] of listeners.entries()) {
    const other = listeners.slice(0, index).find((earlier) => overlap(earlier.address, address));
    if (other === undefined) continue;
    report(
      path,
      `${formatHostPort(address)} is taken by ${other.name}`,
      'give each listener a port of its own',
    );
  }
}

function checkNodes(
  { written, linkLocalNodes, own }: Listeners,
  listeners: readonly OwnListener[],
  report: Report,
): void {
  for (const cluster of ['x', 'y'] as const) {
    for (const [index, url] of itemsOf(written.clusters[cluster].nodes)) {
      const node = parseNodeUrl(url);
      if (!node.ok) continue;
      const objection = objectionToNode(node.value, [], { listeners, own, linkLocalNodes });
      if (objection !== null)
        report(['clusters', cluster, 'nodes', index], objection.message, objection.hint);
    }
  }
}

function checkAdmins({ written }: Listeners, report: Report): void {
  for (const cluster of ['x', 'y'] as const) {
    const host = adminHost(written.clusters[cluster].admin);
    const refusal = host === null ? null : refusalAsPeer(host, []);
    if (refusal !== null) report(['clusters', cluster, 'admin'], refusal, adminAdvice);
  }
}

/**
 * Reports listeners on the same port, nodes that cannot be nodes, and a control API beyond loopback without a
 * token.
 */
export function checkListeners(parts: Listeners, report: Report): void {
  const listeners = placedListeners(parts);
  checkPorts(listeners, report);
  checkNodes(parts, listeners, report);
  checkAdmins(parts, report);
  if (parts.hasToken) return;
  for (const [index, listener] of parts.listen.control.entries()) {
    const isGuarded =
      listener.kind === 'unix' || isLoopback(listener.host) || hasClientCertificates(listener);
    if (isGuarded) continue;
    report(
      controlListenPath(parts.written.listen.control, index),
      `${formatHostPort(listener)} is beyond loopback and control.token is empty`,
      'set control.token or control.tokens, or listen on 127.0.0.1',
      ['control', 'token'],
    );
  }
}

const hasClientCertificates = (
  listener: Extract<Config['listen']['control'][number], { kind: 'tcp' }>,
): boolean => listener.tls !== null && listener.tls.clientCertificates !== null;
