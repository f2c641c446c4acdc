// Which client it is that has the suspicion on its group: of the first requests of the group on Y, the
// address that most of them came from. A group holds other clients too.
import { suspectSightings } from '#src/limits.ts';

interface Seen {
  readonly counts: Map<string, number>;
  left: number;
}

export class SuspectAddresses {
  readonly #groups = new Map<number, Seen>();

  /** Counts a request of a suspected group on Y. The address, once, when enough were seen; else null. */
  add(group: number, address: string): string | null {
    let seen = this.#groups.get(group);
    if (seen === undefined) {
      seen = { counts: new Map(), left: suspectSightings };
      this.#groups.set(group, seen);
    }
    if (seen.left === 0) return null;
    seen.counts.set(address, (seen.counts.get(address) ?? 0) + 1);
    seen.left--;
    if (seen.left > 0) return null;
    const [most] = [...seen.counts].reduce((one, other) => (other[1] > one[1] ? other : one));
    seen.counts.clear();
    return most;
  }

  /** Another rollout has other groups. */
  clear(): void {
    this.#groups.clear();
  }
}
