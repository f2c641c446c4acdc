// The point of a null hypothesis that is hardest to tell from an alternative: the reverse information
// projection onto the line p_Y = R p_X + d (Turner, Ly, Grünwald, "Generic E-variables for exact sequential
// k-sample tests"). The likelihood ratio of the alternative against that point has an expectation of at most
// 1 under every point of the null, for blocks of any size: ln E is concave in (p_X, p_Y), it is 0 at the
// projection, and its gradient there points out of the null.

const relativeTolerance = 1e-7;
const iterationsMax = 60;

/**
 * p_X of the projection of the alternative (`a`, `b`) onto the boundary, for a block of `nX` and `nY`
 * requests: minimises nX KL(a||x) + nY KL(b||R x + d). The alternative lies on either side of the line, never
 * on it. Newton's method kept inside a shrinking bracket; 4 to 8 steps.
 */
export function projectOntoBoundary(
  a: number,
  b: number,
  nX: number,
  nY: number,
  timesX: number,
  over: number,
): number {
  const xOfB = (b - over) / timesX;
  const xMax = Math.min(1, (1 - over) / timesX);
  let low = Math.max(0, Math.min(a, xOfB));
  let high = Math.min(xMax, Math.max(a, xOfB));
  // For small rates the binomials are almost Poisson, whose projection onto y = R x has this closed form.
  let x = (nX * a + nY * Math.max(0, b - over)) / (nX + nY * timesX);
  if (!(x > low && x < high)) x = (low + high) / 2;
  for (let iteration = 0; iteration < iterationsMax; iteration++) {
    const y = timesX * x + over;
    const varianceX = x * (1 - x);
    const varianceY = y * (1 - y);
    const slope = (nX * (x - a)) / varianceX + (nY * timesX * (y - b)) / varianceY;
    if (slope > 0) high = x;
    else low = x;
    const curvature =
      (nX * (x * x - 2 * a * x + a)) / (varianceX * varianceX) +
      (nY * timesX * timesX * (y * y - 2 * b * y + b)) / (varianceY * varianceY);
    const next = x - slope / curvature;
    // The error after a Newton step is about the square of the step, so one more than this would change
    // nothing.
    if (Math.abs(next - x) <= relativeTolerance * x) return next;
    x = next > low && next < high ? next : (low + high) / 2;
  }
  return x;
}

/** ln of the likelihood ratio of Bernoulli(b) against Bernoulli(q) for `k` ones among `n`. */
export function logRatio(n: number, k: number, b: number, q: number): number {
  const ones = k > 0 ? k * Math.log(b / q) : 0;
  return ones + (n - k) * (Math.log1p(-b) - Math.log1p(-q));
}

/**
 * ln of the e-value of one block against a two-arm null whose boundary is given: the alternative (`a`, `b`)
 * against its projection. Its expectation under the null is at most 1 (after exponentiation).
 */
export function blockLogEvidence(
  nX: number,
  kX: number,
  nY: number,
  kY: number,
  a: number,
  b: number,
  timesX: number,
  over: number,
): number {
  const x0 = projectOntoBoundary(a, b, nX, nY, timesX, over);
  return logRatio(nY, kY, b, timesX * x0 + over) + logRatio(nX, kX, a, x0);
}

/**
 * Evidence in nats that one Y request adds on average when the alternative (`a`, `b`) fits and X has `xPerY`
 * requests for each: the growth-optimal (GRO) rate. The other rates give what it would add when the truth is
 * (`pX`, `pY`) instead.
 */
export function growthPerY(
  a: number,
  b: number,
  xPerY: number,
  timesX: number,
  over: number,
  pX = a,
  pY = b,
): number {
  const x0 = projectOntoBoundary(a, b, xPerY, 1, timesX, over);
  return logRatio(1, pY, b, timesX * x0 + over) + xPerY * logRatio(1, pX, a, x0);
}
