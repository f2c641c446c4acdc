// Slows down who sends wrong tokens, by peer: guessing takes time, and the limit is seen in the answer. A
// right token is never refused, whatever else came from its address: whoever holds it must get to a revert
// beside a script with an old one.

/** Failed logins a peer may make at once; people mistype, scripts do not. */
export const failedLoginsMax = 10;
/** One more is allowed per this time. */
export const failedLoginRefillMs = 6_000;
/** Peers remembered; beyond it the one that failed longest ago is forgotten. */
export const failedPeersMax = 10_000;
/**
 * How long the refusal of a peer beyond the limit is held back, and how many are at a time: more would only
 * hold memory.
 */
export const refusalHeldMs = 1_000;
export const refusalsHeldMax = 64;

interface Peer {
  /** What the failures cost, paid off by waiting. */
  debtMs: number;
  atMs: number;
}

export class LoginLimiter {
  /** In the order of the last failure. */
  readonly #peers = new Map<string, Peer>();
  #heldCount = 0;

  /** Counts a failed login; returns how many ms the peer should wait, 0 when it may try again at once. */
  fail(peer: string, nowMs: number): number {
    const debtMs = this.#debtMs(peer, nowMs) + failedLoginRefillMs;
    this.#peers.delete(peer);
    this.#peers.set(peer, {
      debtMs: Math.min(debtMs, (failedLoginsMax + 1) * failedLoginRefillMs),
      atMs: nowMs,
    });
    this.#forgetOldest();
    return this.waitMs(peer, nowMs);
  }

  /** How long the peer should wait before its next attempt, ms. */
  waitMs(peer: string, nowMs: number): number {
    return Math.max(0, this.#debtMs(peer, nowMs) - failedLoginsMax * failedLoginRefillMs);
  }

  /** Holds a refusal back by `wait`, unless too many are held back by now. */
  async hold(wait: (ms: number) => Promise<void>): Promise<void> {
    if (this.#heldCount >= refusalsHeldMax) return;
    this.#heldCount++;
    try {
      await wait(refusalHeldMs);
    } finally {
      this.#heldCount--;
    }
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
