// Checks listeners and nodes together: two listeners must not have the same port, a node must not be one of
// Crossover's own listeners, and a control API that others can reach needs a token.
import type { Address, Config } from './config.ts';
import { formatHostPort, isLoopback, isWildcard, parseNodeUrl } from './net-address.ts';
import type { Report } from './problem-report.ts';

interface Listeners {
  readonly listen: Config['listen'];
  readonly clusters: Readonly<Record<'x' | 'y', { readonly nodes: readonly string[] }>>;
  readonly token: string | null;
  readonly addresses: readonly string[];
}

type ListenerName = keyof Config['listen'];

/** Whether both would listen on the same address. Port 0 is another port each time. */
const overlap = (a: Address, b: Address): boolean =>
  a.port !== 0 && a.port === b.port && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));

const openListeners = (listen: Config['listen']): [ListenerName, Address][] =>
  (['proxy', 'control', 'admin'] as const).flatMap((name) => {
    const address = listen[name];
    return address === null ? [] : [[name, address]];
  });

/** Whether a connection to the node would arrive at the listener. */
function reaches(node: Address, listener: Address, addresses: readonly string[]): boolean {
  if (node.port !== listener.port) return false;
  if (node.host === listener.host || (isLoopback(node.host) && isLoopback(listener.host))) return true;
  return (
    isWildcard(listener.host) &&
    (isLoopback(node.host) || isWildcard(node.host) || addresses.includes(node.host))
  );
}

function checkPorts(listeners: readonly [ListenerName, Address][], report: Report): void {
  for (const [index, [name, address]] of listeners.entries()) {
    const other = listeners.slice(0, index).find(([, earlier]) => overlap(earlier, address));
    if (other === undefined) continue;
    report(
      ['listen', name],
      `${formatHostPort(address)} is taken by listen.${other[0]}`,
      'give each listener a port of its own',
    );
  }
}

function checkLoops(
  { clusters, addresses }: Listeners,
  listeners: readonly [ListenerName, Address][],
  report: Report,
): void {
  for (const cluster of ['x', 'y'] as const) {
    for (const [index, url] of clusters[cluster].nodes.entries()) {
      const node = url === undefined ? null : parseNodeUrl(url);
      if (node === null || !node.ok) continue;
      const own = listeners.find(([, listener]) => reaches(node.value, listener, addresses));
      if (own === undefined) continue;
      report(
        ['clusters', cluster, 'nodes', index],
        `${node.value.id} is Crossover's own listen.${own[0]}`,
        'requests would go round in circles; name the Kong node here',
      );
    }
  }
}

/**
 * Reports listeners on the same port, nodes that are Crossover itself, and a control API beyond loopback
 * without a token.
 */
export function checkListeners(parts: Listeners, report: Report): void {
  const listeners = openListeners(parts.listen);
  checkPorts(listeners, report);
  checkLoops(parts, listeners, report);
  if (parts.token === null && !isLoopback(parts.listen.control.host)) {
    report(
      ['listen', 'control'],
      `${formatHostPort(parts.listen.control)} is beyond loopback and control.token is empty`,
      'set control.token, or listen on 127.0.0.1',
      ['control', 'token'],
    );
  }
}
