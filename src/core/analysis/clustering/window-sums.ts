// How much failures vary from window to window, computed from sums over the windows. Sums can be added, so
// windows that are too old to be kept one by one still count exactly, in groups.

// Where each sum is.
const nX = 0;
const kX = 1;
const nY = 2;
const kY = 3;
// Of a window with N = nX + nY requests: s = kY - nY (kX + kY) / N, Y's failures beyond its share, and c = nX
// nY / N.
const s = 4;
const c = 5;
const ss = 6;
const sc = 7;
const cc = 8;
// (nX / N)^2 nY and (nY / N)^2 nX.
const partY = 9;
const partX = 10;
// Of Y alone.
const kk = 11;
const kn = 12;
const nn = 13;

/** Sums there are of each group of windows. */
export const windowSumCount = 14;

/**
 * A few failures can't show that they come one by one: two bursts of two failures look much like four
 * independent ones. So the variation counts as larger than it looks. The addition shrinks with the square of
 * the number of failures: it is four fifths at four of a hundred, a seventh at twelve of a thousand. It is
 * nothing where no burst could hide: where everything fails, or where a window holds a request or two.
 */
const doubtOfFew = 25;

/** Adds a window, whose nX, kX, nY, kY begin at `from`, to the sums that begin at `at`. */
export function addWindow(counts: Float64Array, from: number, sums: Float64Array, at: number): void {
  const requestsX = counts[from] as number;
  const failuresX = counts[from + 1] as number;
  const requestsY = counts[from + 2] as number;
  const failuresY = counts[from + 3] as number;
  const all = requestsX + requestsY;
  if (all === 0) return;
  const excess = failuresY - (requestsY * (failuresX + failuresY)) / all;
  const leverage = (requestsX * requestsY) / all;
  grow(sums, at + nX, requestsX);
  grow(sums, at + kX, failuresX);
  grow(sums, at + nY, requestsY);
  grow(sums, at + kY, failuresY);
  grow(sums, at + s, excess);
  grow(sums, at + c, leverage);
  grow(sums, at + ss, excess * excess);
  grow(sums, at + sc, excess * leverage);
  grow(sums, at + cc, leverage * leverage);
  grow(sums, at + partY, (requestsX / all) ** 2 * requestsY);
  grow(sums, at + partX, (requestsY / all) ** 2 * requestsX);
  grow(sums, at + kk, failuresY * failuresY);
  grow(sums, at + kn, failuresY * requestsY);
  grow(sums, at + nn, requestsY * requestsY);
}

function grow(sums: Float64Array, index: number, by: number): void {
  sums[index] = (sums[index] as number) + by;
}

/** Adds the sums that begin at `fromAt` to those that begin at `toAt`. */
export function addSums(to: Float64Array, toAt: number, from: Float64Array, fromAt: number): void {
  for (let i = 0; i < windowSumCount; i++) grow(to, toAt + i, from[fromAt + i] as number);
}

/**
 * Divisor (>= 1) for two-arm evidence: variance of Y's excess over the pooled rate between windows, around
 * its own mean, against the binomial variance.
 */
export function deflationOf(sums: Float64Array): number {
  const rateX = (sums[kX] as number) / Math.max(1, sums[nX] as number);
  const rateY = (sums[kY] as number) / Math.max(1, sums[nY] as number);
  const mean = (sums[c] as number) > 0 ? (sums[s] as number) / (sums[c] as number) : 0;
  const squares = (sums[ss] as number) - 2 * mean * (sums[sc] as number) + mean * mean * (sums[cc] as number);
  const variance =
    (sums[partY] as number) * rateY * (1 - rateY) + (sums[partX] as number) * rateX * (1 - rateX);
  return divisor(sums, squares, variance);
}

/**
 * Divisor (>= 1) for evidence about Y alone: variance of its failures between windows against the binomial
 * variance.
 */
export function deflationOfY(sums: Float64Array): number {
  const rate = (sums[kY] as number) / Math.max(1, sums[nY] as number);
  const squares = (sums[kk] as number) - 2 * rate * (sums[kn] as number) + rate * rate * (sums[nn] as number);
  return divisor(sums, squares, (sums[nY] as number) * rate * (1 - rate));
}

function divisor(sums: Float64Array, squares: number, variance: number): number {
  return Math.max(1, (Math.max(0, squares) + 1 + doubt(sums) / (variance + 1)) / (variance + 1));
}

function doubt(sums: Float64Array): number {
  const requests = sums[nY] as number;
  if (requests === 0) return 0;
  const notFailing = 1 - (sums[kY] as number) / requests;
  // The mean of the requests per window, weighted by themselves.
  const perWindow = (sums[nn] as number) / requests;
  return doubtOfFew * notFailing * Math.max(0, 1 - 2 / perWindow);
}
