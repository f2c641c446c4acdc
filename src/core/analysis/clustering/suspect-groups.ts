// Under sticky routing a client chooses its keys, and with them its cluster: what it does on Y alone would
// count against Y. Clients are hashed into groups by address. A group whose requests on Y are unlike those of
// all other groups on Y, and unlike X's, is suspected: its requests are no longer compared. A Y that is worse
// is so for many groups, and then none is suspected.
import type { ArmSample, EpochSample } from '#src/core/telemetry/sample.ts';
import { clientGroupCount, groupKindCount, suspectGroupsMax } from '#src/limits.ts';

/** What is older than a minute has an eighth of its weight. */
const halfLifeMs = 20_000;
/**
 * Nats from which on a group is unlike the others: over all groups and kinds, once in ten thousand looks at
 * traffic in which all are alike.
 */
const suspicionNats = 15;
/** Nats from which on a group speaks against Y at all. */
const leaningNats = 3;
/** Others on Y, in requests and in groups, below which nothing is known of what is usual there. */
const otherRequestsMin = 20;
const otherGroupsMin = 8;
/** Requests of a group on X that show how it is by nature, where it is compared on both sides. */
const ownRequestsMin = 20;
/** What a group may be above the others, as the tolerances of the comparison have it. */
const timesUsual = 1.25;
const overUsual = 0.002;

/** Decayed counts of one arm. */
class GroupCounts {
  readonly requests = new Float64Array(clientGroupCount);
  readonly hits = new Float64Array(groupKindCount * clientGroupCount);
  readonly kindSums = new Float64Array(groupKindCount);
  requestSum = 0;

  fade(factor: number): void {
    for (const counts of [this.requests, this.hits])
      for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) * factor;
  }

  add({ groupRequests, groupHits }: ArmSample): void {
    for (let i = 0; i < clientGroupCount; i++)
      this.requests[i] = (this.requests[i] as number) + (groupRequests[i] as number);
    for (let i = 0; i < groupHits.length; i++)
      this.hits[i] = (this.hits[i] as number) + (groupHits[i] as number);
  }

  sum(): void {
    this.requestSum = 0;
    this.kindSums.fill(0);
    for (let group = 0; group < clientGroupCount; group++) {
      this.requestSum += this.requests[group] as number;
      for (let kind = 0; kind < groupKindCount; kind++)
        this.kindSums[kind] = (this.kindSums[kind] as number) + this.hitsOf(kind, group);
    }
  }

  hitsOf(kind: number, group: number): number {
    return this.hits[kind * clientGroupCount + group] as number;
  }

  /**
   * Share of the requests of all other groups that are of this kind, with half a hit more than there were.
   */
  rateWithout(kind: number, group: number): number {
    const requests = this.requestSum - (this.requests[group] as number);
    const hits = (this.kindSums[kind] as number) - this.hitsOf(kind, group);
    return Math.min(1, (hits + 0.5) / (requests + 1));
  }

  forget(group: number): void {
    this.requests[group] = 0;
    for (let kind = 0; kind < groupKindCount; kind++) this.hits[kind * clientGroupCount + group] = 0;
  }

  clear(): void {
    this.requests.fill(0);
    this.hits.fill(0);
  }
}

export class SuspectGroups {
  readonly #x = new GroupCounts();
  readonly #y = new GroupCounts();
  #groups: readonly number[] = [];
  #hasTraffic = false;

  /** The groups that are suspected, 0..63, in the order in which they were found; another list with each. */
  get groups(): readonly number[] {
    return this.#groups;
  }

  /** A rollout begins: everybody is compared. */
  reset(): void {
    this.restore([]);
    this.#x.clear();
    this.#y.clear();
    this.#hasTraffic = false;
  }

  restore(groups: readonly number[]): void {
    this.#groups = groups;
  }

  beginTick(dtMs: number): void {
    if (!this.#hasTraffic) return;
    const factor = 2 ** (-dtMs / halfLifeMs);
    this.#x.fade(factor);
    this.#y.fade(factor);
  }

  add({ x, y }: EpochSample): void {
    if (!this.#hasTraffic && !hasGroups(x) && !hasGroups(y)) return;
    this.#hasTraffic = true;
    this.#x.add(x);
    this.#y.add(y);
  }

  /** Looks at all groups; returns whether another one is suspected now. */
  endTick(): boolean {
    if (!this.#hasTraffic || this.#groups.length >= suspectGroupsMax) return false;
    this.#x.sum();
    this.#y.sum();
    const before = this.#groups.length;
    for (let kind = 0; kind < groupKindCount; kind++) this.#look(kind);
    return this.#groups.length > before;
  }

  #look(kind: number): void {
    let leaning = 0;
    let most = -1;
    let mostNats = suspicionNats;
    for (let group = 0; group < clientGroupCount; group++) {
      const usualX = this.#x.rateWithout(kind, group);
      if (this.#natsAbove(usualX, kind, group) < leaningNats) continue;
      leaning++;
      const usual = Math.max(usualX, this.#y.rateWithout(kind, group));
      const nats = this.#natsAbove(usual, kind, group);
      if (nats < mostNats || this.#isSoOnX(kind, group) || !this.#hasOthers(group)) continue;
      most = group;
      mostNats = nats;
    }
    if (most === -1 || leaning > suspectGroupsMax) return;
    this.#groups = [...this.#groups, most];
    for (const counts of [this.#x, this.#y]) {
      counts.forget(most);
      counts.sum();
    }
  }

  /** How much evidence there is that a group's rate on Y is above the usual, nats; 0 when it is not. */
  #natsAbove(usual: number, kind: number, group: number): number {
    const hits = this.#y.hitsOf(kind, group);
    if (hits === 0) return 0;
    // Requests that wait have been counted as slow, and are counted themselves when they end.
    const requests = Math.max(this.#y.requests[group] as number, hits);
    const bound = Math.min(1, timesUsual * usual + overUsual);
    const rate = hits / requests;
    if (rate <= bound) return 0;
    const misses = requests - hits;
    return hits * Math.log(rate / bound) + (misses > 0 ? misses * Math.log((1 - rate) / (1 - bound)) : 0);
  }

  /** Whether the group is on X as it is on Y: then the comparison has it on both sides. */
  #isSoOnX(kind: number, group: number): boolean {
    const requests = this.#x.requests[group] as number;
    if (requests < ownRequestsMin) return false;
    const onY = this.#y.hitsOf(kind, group) / Math.max(1, this.#y.requests[group] as number);
    return this.#x.hitsOf(kind, group) / requests >= onY / 2;
  }

  #hasOthers(group: number): boolean {
    if (this.#y.requestSum - (this.#y.requests[group] as number) < otherRequestsMin) return false;
    let others = 0;
    for (let other = 0; other < clientGroupCount; other++)
      if (other !== group && (this.#y.requests[other] as number) > 0) others++;
    return others >= otherGroupsMin;
  }
}

function hasGroups({ groupRequests }: ArmSample): boolean {
  for (let group = 0; group < clientGroupCount; group++) if (groupRequests[group] !== 0) return true;
  return false;
}
