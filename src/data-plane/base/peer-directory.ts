// What forwarding needs to know of a client's address, worked out once per address instead of once per
// request.
import { isTrusted } from '#src/core/routing/client-address.ts';
import type { Cidr } from '#src/core/routing/routing-options.ts';

export interface Peer {
  readonly address: string;
  readonly addressBytes: Uint8Array;
  readonly isTrusted: boolean;
  /** The forwarding header lines for an untrusted peer, complete with line ends. */
  readonly forwardedLines: Uint8Array;
}

/** Addresses remembered; beyond it the directory starts afresh. 16 Ki entries are about 4 MB. */
const peersMax = 16_384;

export class PeerDirectory {
  readonly #peers = new Map<string, Peer>();
  readonly #trustedProxies: readonly Cidr[];
  readonly #port: number;

  constructor(trustedProxies: readonly Cidr[], listenPort: number) {
    this.#trustedProxies = trustedProxies;
    this.#port = listenPort;
  }

  find(address: string): Peer {
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    if (this.#peers.size >= peersMax) this.#peers.clear();
    const text = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
    const peer: Peer = {
      address: text,
      addressBytes: Buffer.from(text, 'latin1'),
      isTrusted: isTrusted(text, this.#trustedProxies),
      forwardedLines: Buffer.from(
        `X-Forwarded-For: ${text}\r\nX-Real-IP: ${text}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ${this.#port}\r\n`,
        'latin1',
      ),
    };
    this.#peers.set(address, peer);
    return peer;
  }
}
