// Why an address can't be a Kong node's or its Admin API's: it is this process, or where a cloud serves
// credentials.
import { refusalAsPeer } from './address-guard.ts';
import type { Address, Cidr, Config } from './config.ts';
import { type OwnListener, type OwnMachine, ownListenerAt } from './own-listener.ts';

/** What a node is compared with. */
export interface NodeSurroundings {
  readonly listeners: readonly OwnListener[];
  readonly own: OwnMachine;
  /** Link-local blocks that nodes may be in. */
  readonly linkLocalNodes: readonly Cidr[];
}

interface Objection {
  readonly message: string;
  readonly hint: string;
}

/** All that listen on a port, by the name of their setting. */
export function tcpListeners({ proxy, control, admin }: Config['listen']): OwnListener[] {
  const name = (index: number) => (control.length === 1 ? 'listen.control' : `listen.control[${index}]`);
  return [
    { name: 'listen.proxy', address: proxy },
    ...control.flatMap((listener, index) =>
      listener.kind === 'tcp' ? [{ name: name(index), address: listener }] : [],
    ),
    ...(admin === null ? [] : [{ name: 'listen.admin', address: admin }]),
  ];
}

/**
 * Why a node can't be one, with what to do; null when it can. `resolved`: addresses that its host stands for,
 * where known.
 */
export function objectionToNode(
  node: Address & { readonly id: string },
  resolved: readonly string[],
  { listeners, own, linkLocalNodes }: NodeSurroundings,
): Objection | null {
  const listener = ownListenerAt(node, resolved, listeners, own);
  if (listener !== null)
    return {
      message: `${node.id} is Crossover's own ${listener.name}`,
      hint: 'requests would go round in circles; name the Kong node here',
    };
  for (const host of [node.host, ...resolved]) {
    const message = refusalAsPeer(host, linkLocalNodes);
    const hint = 'every client of the proxy could ask for them; name the address of a Kong node';
    if (message !== null) return { message, hint };
  }
  return null;
}

/** Host of an Admin API's URL, without brackets; null when it is none. */
export const adminHost = (url: string | null | undefined): string | null =>
  url === undefined || url === null || !URL.canParse(url)
    ? null
    : new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');

export const adminAdvice = "name the host of Kong's Admin API";
