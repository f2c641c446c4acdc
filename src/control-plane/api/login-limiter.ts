// Bounds failed logins per peer address, so that guessing tokens is slow and cheap to refuse.

/** Failed logins a peer may make at once; people mistype, scripts do not. */
export const failedLoginsMax = 10;
/** One more is allowed per this time. */
export const failedLoginRefillMs = 6_000;
/** Peers remembered; beyond it the one that failed longest ago is forgotten. */
export const failedPeersMax = 10_000;

interface Peer {
  failures: number;
  atMs: number;
}

export class LoginLimiter {
  /** In the order of the last failure. */
  readonly #peers = new Map<string, Peer>();

  /** Counts a failed login; returns how many ms the peer has to wait, 0 when it may try again at once. */
  fail(address: string, nowMs: number): number {
    const failures = this.#failuresOf(address, nowMs) + 1;
    this.#peers.delete(address);
    this.#peers.set(address, { failures: Math.min(failures, failedLoginsMax + 1), atMs: nowMs });
    this.#forgetOldest();
    return this.waitMs(address, nowMs);
  }

  /** How long the peer has to wait before its next login is looked at, ms. */
  waitMs(address: string, nowMs: number): number {
    const excess = this.#failuresOf(address, nowMs) - failedLoginsMax;
    return excess > 0 ? Math.ceil(excess * failedLoginRefillMs) : 0;
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  #failuresOf(address: string, nowMs: number): number {
    const peer = this.#peers.get(address);
    if (peer === undefined) return 0;
    return Math.max(0, peer.failures - (nowMs - peer.atMs) / failedLoginRefillMs);
  }

  #forgetOldest(): void {
    if (this.#peers.size <= failedPeersMax) return;
    const oldest = this.#peers.keys().next();
    if (!oldest.done) this.#peers.delete(oldest.value);
  }
}
