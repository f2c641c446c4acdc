// Sums of e-values are formed from their logarithms, since the values themselves can be too large for a
// number.

/** ln(e^a + e^b) without overflow. */
export function logAdd(a: number, b: number): number {
  const larger = Math.max(a, b);
  if (larger === Number.NEGATIVE_INFINITY) return larger;
  return larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}
