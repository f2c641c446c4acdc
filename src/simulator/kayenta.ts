// The rule by which Kayenta's NetflixACAJudge classifies a metric as High: by a Mann-Whitney confidence
// interval of how far the points of the experiment are above those of the control, and by the ratio of their
// means. It is written from the rule. The interval is taken from the order statistics of all pairwise
// differences, by a normal approximation with a correction for ties.

const tolerance = 0.25;
/** Quantile of the normal distribution for a two-sided interval of 98 %. */
const normalQuantile = 2.3263;

/**
 * Whether Y's points are High compared with X's: the interval is above a quarter of the estimated shift, and
 * Y's mean is at least `increaseMin` times X's. The means are not compared when one of them is 0.
 */
export function isHigh(x: readonly number[], y: readonly number[], increaseMin: number): boolean {
  if (x.length === 0 || y.length === 0) return false;
  const differences = pairwiseDifferences(x, y);
  const shift = median(differences);
  const below = x.length * y.length * 0.5 - normalQuantile * rankDeviation(x, y) - 0.5;
  const low = differences[Math.max(0, Math.floor(below))] ?? Number.NaN;
  if (!(low > tolerance * Math.abs(shift))) return false;
  const meanX = mean(x);
  const meanY = mean(y);
  return meanX === 0 || meanY === 0 || meanY / meanX >= increaseMin;
}

function pairwiseDifferences(x: readonly number[], y: readonly number[]): Float64Array {
  const differences = new Float64Array(x.length * y.length);
  let at = 0;
  for (const b of y) for (const a of x) differences[at++] = b - a;
  return differences.sort();
}

/** Standard deviation of the rank-sum statistic; it is smaller when values are tied. */
function rankDeviation(x: readonly number[], y: readonly number[]): number {
  const all = [...x, ...y].sort((a, b) => a - b);
  const count = all.length;
  let ties = 0;
  for (let from = 0; from < count; ) {
    let to = from + 1;
    while (to < count && all[to] === all[from]) to++;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  return Math.sqrt(((x.length * y.length) / 12) * (count + 1 - ties / (count * (count - 1))));
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function median(sorted: Float64Array): number {
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
