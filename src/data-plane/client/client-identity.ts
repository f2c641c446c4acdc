// Who a client is: the peer of its connection, or whom that peer, when it is trusted, speaks for.
import { FIELD_STRIDE } from '#src/core/http1/framing.ts';
import type { RequestHead } from '#src/core/http1/request-head.ts';
import { effectiveClientAddress } from '#src/core/routing/client-address.ts';
import type { Peer, PeerDirectory } from '#src/data-plane/base/peer-directory.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';

const forwardedFor = new TextEncoder().encode('x-forwarded-for');

export class ClientIdentity {
  readonly #runtime: WorkerRuntime;
  #peer: Peer | null;
  /** A changed config has another directory, which may trust others. */
  #foundIn: PeerDirectory | null;

  constructor(runtime: WorkerRuntime) {
    this.#runtime = runtime;
    this.#peer = null;
    this.#foundIn = null;
  }

  /** Looked up once per connection and config. */
  peerAt(remoteAddress: string): Peer {
    const { peers } = this.#runtime;
    if (this.#peer === null || this.#foundIn !== peers) {
      this.#peer = peers.find(remoteAddress);
      this.#foundIn = peers;
    }
    return this.#peer;
  }

  /** Whose request it is whose head was parsed from `bytes`: for sticky routing by address. */
  addressBehind(peer: Peer, head: RequestHead, bytes: Buffer): string {
    if (!peer.isTrusted) return peer.address;
    const value = forwardedForOf(head, bytes);
    if (value === null) return peer.address;
    return effectiveClientAddress(peer.address, value, this.#runtime.config.routing.trustedProxies);
  }
}

/**
 * The whole list of X-Forwarded-For: several lines are one list in their order (RFC 9110 5.3). A balancer
 * that adds a line of its own would otherwise leave the first to the client. Null when there is none.
 */
function forwardedForOf(head: RequestHead, bytes: Buffer): string | null {
  let list: string | null = null;
  let field = head.findField(bytes, forwardedFor);
  while (field !== -1) {
    const at = field * FIELD_STRIDE;
    const value = bytes.toString('latin1', head.fields[at + 2], head.fields[at + 3]);
    list = list === null ? value : `${list},${value}`;
    field = head.findField(bytes, forwardedFor, field + 1);
  }
  return list;
}
