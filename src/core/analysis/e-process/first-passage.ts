// How long a proof takes, as a range. Evidence grows like a random walk with a drift, and the time at which
// such a walk first reaches a bar has the inverse Gaussian distribution. Each nat of evidence comes with a
// variance of about two nats, as it does for the likelihood ratio of two rates that lie close together
// (Wald, "Sequential Analysis", 1947). So the spread depends on nothing but the nats that are still missing.

/** Chance that the time is shorter than the range's beginning, and that it is longer than its end. */
const tail = 0.1;
/** Beyond this many missing nats the range hardly changes; more would only cost digits. */
const natsMax = 12;
const natsMin = 0.2;
const bisections = 40;

interface PassageRange {
  /** As parts of the average time: below 1 and above 1. */
  readonly from: number;
  readonly to: number;
}

/**
 * The range in which eight of ten walks that still lack `nats` end. Proofs end in it in about three of four
 * cases, because the rates that they grow by are themselves estimates (test/simulator/forecast.test.ts).
 */
export function passageRange(nats: number): PassageRange {
  const shape = Math.min(natsMax, Math.max(natsMin, nats)) / 2;
  return { from: quantile(tail, shape), to: quantile(1 - tail, shape) };
}

/** Quantile of the inverse Gaussian distribution with mean 1. */
function quantile(share: number, shape: number): number {
  let low = 0;
  let high = 50;
  for (let i = 0; i < bisections; i++) {
    const middle = (low + high) / 2;
    if (distribution(middle, shape) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function distribution(time: number, shape: number): number {
  const root = Math.sqrt(shape / time);
  return normal(root * (time - 1)) + Math.exp(2 * shape) * normal(-root * (time + 1));
}

/** Distribution of the standard normal; Abramowitz and Stegun 26.2.17, to 7.5e-8. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const above = density * series;
  return z >= 0 ? 1 - above : above;
}
