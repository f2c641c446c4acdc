// Bounds failed logins per peer address, so that guessing tokens is slow and cheap to refuse.

/** Failed logins a peer may make at once; people mistype, scripts do not. */
export const failedLoginsMax = 10;
/** One more is allowed per this time. */
export const failedLoginRefillMs = 6_000;
/** Peers remembered; beyond it the one that failed longest ago is forgotten. */
export const failedPeersMax = 10_000;

interface Peer {
  /** What the failures cost, paid off by waiting. */
  debtMs: number;
  atMs: number;
}

export class LoginLimiter {
  /** In the order of the last failure. */
  readonly #peers = new Map<string, Peer>();

  /** Counts a failed login; returns how many ms the peer has to wait, 0 when it may try again at once. */
  fail(address: string, nowMs: number): number {
    const debtMs = this.#debtMs(address, nowMs) + failedLoginRefillMs;
    this.#peers.delete(address);
    this.#peers.set(address, {
      debtMs: Math.min(debtMs, (failedLoginsMax + 1) * failedLoginRefillMs),
      atMs: nowMs,
    });
    this.#forgetOldest();
    return this.waitMs(address, nowMs);
  }

  /** How long the peer has to wait before its next login is looked at, ms. */
  waitMs(address: string, nowMs: number): number {
    return Math.max(0, this.#debtMs(address, nowMs) - failedLoginsMax * failedLoginRefillMs);
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  #debtMs(address: string, nowMs: number): number {
    const peer = this.#peers.get(address);
    return peer === undefined ? 0 : Math.max(0, peer.debtMs - (nowMs - peer.atMs));
  }

  #forgetOldest(): void {
    if (this.#peers.size <= failedPeersMax) return;
    const oldest = this.#peers.keys().next();
    if (!oldest.done) this.#peers.delete(oldest.value);
  }
}
