// The rule by which Kayenta's NetflixACAJudge calls a metric High: a Mann-Whitney confidence interval of how far the
// experiment's points lie above the control's, and the ratio of their means. Written from the rule, with the interval from
// the order statistics of all pairwise differences and a normal approximation with correction for ties.

const tolerance = 0.25;
/** Two-sided 98 %. */
const normalQuantile = 2.3263;

/**
 * Whether Y's points are High against X's: the interval lies above a quarter of the estimated shift, and the mean has grown
 * by the factor `increaseMin`, which is not looked at when either mean is 0.
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

/** Standard deviation of the rank-sum statistic, less for tied values. */
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
