// What can be said of a figure that was measured a few times on a machine that does other things too: its
// median, and an interval that holds the median whatever the distribution of the measurements is.

/** The middle value, the mean of the two middle ones for an even count, null for none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The narrowest interval between two of the values, equally far from both ends in rank, that holds the median
 * of what they were drawn from with at least this confidence, 0..1. Null when there are too few values for
 * that: for 95 %, fewer than six.
 *
 * Each value is below the median with probability 1/2. The k-th smallest of n is above it only if fewer than
 * k are below, and the k-th largest is below it only if fewer than k are above: together 2 * P(Binomial(n,
 * 1/2) < k). These are the values of the median that a sign test does not reject (Hollander, Wolfe, Chicken:
 * Nonparametric Statistical Methods, 3rd edition, 3.6). Of 21 values, the 6th and the 16th hold it with 97.3
 * %.
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval | null {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = largestRank(sorted.length, (1 - confidence) / 2);
  const low = sorted[rank - 1];
  const high = sorted[sorted.length - rank];
  return low === undefined || high === undefined ? null : { low, high };
}

/** The largest k with P(Binomial(count, 1/2) < k) of at most `chance`; 0 for none. */
function largestRank(count: number, chance: number): number {
  let chanceOfExactly = 0.5 ** count;
  let chanceBelow = 0;
  let rank = 0;
  while (rank < count && chanceBelow + chanceOfExactly <= chance) {
    chanceBelow += chanceOfExactly;
    rank++;
    chanceOfExactly *= (count - rank + 1) / rank;
  }
  return rank;
}
