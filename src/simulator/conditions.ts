// What traffic and both clusters are like at a moment, and the things that happen to them: outages, drift, bursts, cold
// starts, regressions. A climate is made anew for each run, so that chance falls differently each time.
import type { Random } from '#src/base/random.ts';
import { routesTrackedMax, userBucketCount } from '#src/limits.ts';
import { drawExponential, drawNormal } from './draws.ts';
import { type LatencyShape, usualShape } from './latency-shape.ts';

export interface ArmConditions {
  /** Shares of the requests, 0..1: answered 5xx, answered 404, answered 5xx only after `lateMs`, never answered. */
  errors: number;
  notFound: number;
  lateErrors: number;
  hanging: number;
  /** Share answered 5xx by the service behind Kong; those of `errors` are Kong's own. */
  serviceErrors: number;
  /** Whether answers carry Kong's headers, which tell the two apart. */
  tellsMaker: boolean;
  latency: LatencyShape;
  /** Factor on every latency. */
  slowdown: number;
}

/** A user with a fixed place under sticky routing, who makes many requests. */
export interface HeavyUser {
  /** Where the hash puts them, 0..1: on Y once Y's share is above it. */
  readonly place: number;
  readonly bucket: number;
  /** Share of all requests that are theirs, and share of those that fail, on whichever cluster. */
  readonly share: number;
  readonly errors: number;
}

/** Requests by route slot. */
export interface RouteMix {
  /** Share of the requests by slot; sums to 1. */
  readonly shares: readonly number[];
  /** The slot that fails on Y, and how much of it; -1 for none. */
  readonly failingSlot: number;
  readonly failing: number;
}

export interface Conditions {
  /** Requests per second over both clusters. */
  perSecond: number;
  /** Null: routes are not told apart. */
  routes: RouteMix | null;
  /** Null: routing is not sticky. */
  users: readonly HeavyUser[] | null;
  readonly x: ArmConditions;
  readonly y: ArmConditions;
}

/** Sets or changes the conditions at `second`, counted from Y's first traffic; before it, X is alone and `second` negative. */
export type Weather = (second: number, now: Conditions) => void;
export type Climate = (random: Random) => Weather;

const calmArm = (): ArmConditions => ({
  errors: 0,
  notFound: 0,
  lateErrors: 0,
  hanging: 0,
  serviceErrors: 0,
  tellsMaker: false,
  latency: usualShape,
  slowdown: 1,
});

export const newConditions = (): Conditions => ({
  perSecond: 0,
  routes: null,
  users: null,
  x: calmArm(),
  y: calmArm(),
});

/** One after the other, each on what those before it have made. */
export function climate(...parts: readonly Climate[]): Climate {
  return (random) => {
    const weathers = parts.map((part) => part(random));
    return (second, now) => {
      for (const weather of weathers) weather(second, now);
    };
  };
}

/** The same constant conditions on both clusters: where every climate begins. */
export function calm({
  errors,
  perSecond = 1000,
  latency = usualShape,
  notFound = 0.02,
}: {
  errors: number;
  perSecond?: number;
  latency?: LatencyShape;
  notFound?: number;
}): Climate {
  return () => (_second, now) => {
    now.perSecond = perSecond;
    for (const arm of [now.x, now.y]) {
      arm.errors = errors;
      arm.notFound = notFound;
      arm.lateErrors = 0;
      arm.hanging = 0;
      arm.serviceErrors = 0;
      arm.latency = latency;
      arm.slowdown = 1;
    }
  };
}

/** Changes Y from `fromSecond` on: the regression of a scenario. */
export const onY =
  (change: (y: ArmConditions) => void, fromSecond = 0): Climate =>
  () =>
  (second, now) => {
    if (second >= fromSecond) change(now.y);
  };

/** Both clusters from `fromSecond` to `toSecond`. */
export const onBoth =
  (change: (arm: ArmConditions) => void, fromSecond: number, toSecond: number): Climate =>
  () =>
  (second, now) => {
    if (second < fromSecond || second >= toSecond) return;
    change(now.x);
    change(now.y);
  };

/** X alone. */
export const onX =
  (change: (x: ArmConditions) => void, fromSecond: number, toSecond: number): Climate =>
  () =>
  (second, now) => {
    if (second >= fromSecond && second < toSecond) change(now.x);
  };

/** Outages of what both clusters depend on: every two minutes or so, 5 to 25 s of 30 % errors and 2.5 times the latency. */
export const sharedOutages: Climate = (random) => {
  let beginsAt = drawExponential(random, 120);
  let endsAt = beginsAt + 5 + 20 * random.next();
  return (second, now) => {
    while (second >= endsAt) {
      beginsAt = endsAt + drawExponential(random, 120);
      endsAt = beginsAt + 5 + 20 * random.next();
    }
    if (second < beginsAt) return;
    for (const arm of [now.x, now.y]) {
      arm.errors = 0.3;
      arm.slowdown *= 2.5;
    }
  };
};

/** Error rate and latency of both wander together: logarithms follow AR(1) with a memory of half a minute. */
export const wandering: Climate = (random) => {
  const memorySeconds = 30;
  let errors = drawNormal(random);
  let latency = drawNormal(random);
  let last = Number.NaN;
  return (second, now) => {
    const keep = Number.isNaN(last) ? 1 : Math.exp(-(second - last) / memorySeconds);
    const noise = Math.sqrt(Math.max(0, 1 - keep * keep));
    last = second;
    errors = keep * errors + noise * drawNormal(random);
    latency = keep * latency + noise * drawNormal(random);
    for (const arm of [now.x, now.y]) {
      arm.errors = Math.min(0.5, arm.errors * Math.exp(1.2 * errors));
      arm.slowdown *= Math.exp(0.3 * latency);
    }
  };
};

/** A day in ten minutes: load, errors and latency swing together. */
export const diurnal: Climate = (random) => {
  const phase = 2 * Math.PI * random.next();
  return (second, now) => {
    const swing = Math.sin((2 * Math.PI * second) / 600 + phase);
    now.perSecond *= 1 + 0.7 * swing;
    for (const arm of [now.x, now.y]) {
      arm.errors *= 1 + 0.8 * swing;
      arm.slowdown *= 1 + 0.3 * swing;
    }
  };
};

/** Short bursts on each cluster by itself, at times of their own, on average every `everySeconds`. */
export function blips(
  everySeconds: number,
  lastsSeconds: number,
  change: (arm: ArmConditions) => void,
): Climate {
  return (random) => {
    const startsAt = { x: drawExponential(random, everySeconds), y: drawExponential(random, everySeconds) };
    return (second, now) => {
      for (const arm of ['x', 'y'] as const) {
        while (second >= startsAt[arm] + lastsSeconds)
          startsAt[arm] += lastsSeconds + drawExponential(random, everySeconds);
        if (second >= startsAt[arm]) change(now[arm]);
      }
    };
  };
}

/** The same at even times, at a phase of its own for each cluster. */
export function evenBlips(
  everySeconds: number,
  lastsSeconds: number,
  change: (arm: ArmConditions) => void,
): Climate {
  return (random) => {
    const phase = { x: everySeconds * random.next(), y: everySeconds * random.next() };
    return (second, now) => {
      if (second < 0) return;
      for (const arm of ['x', 'y'] as const)
        if ((second + phase[arm]) % everySeconds < lastsSeconds) change(now[arm]);
    };
  };
}

/** Answers carry Kong's headers, on both clusters or on X alone. */
export const tellingMakers =
  (onY: boolean): Climate =>
  () =>
  (_second, now) => {
    now.x.tellsMaker = true;
    now.y.tellsMaker = onY;
  };

/** Y begins with empty caches: three times as slow at first, as quick as X after half a minute. */
export const coldStart: Climate = () => (second, now) => {
  if (second >= 0 && second < 30) now.y.slowdown *= 3 ** (1 - second / 30);
};

/**
 * `count` routes, from popular to rare (the i-th has a share proportional to 1/i); those beyond the tracked ones are counted
 * together. With `failing`, one more route that fails on Y, with its share of the traffic.
 */
export function routes(count: number, failing?: { share: number; errors: number }): Climate {
  const shares = new Array<number>(routesTrackedMax + 1).fill(0);
  const first = failing === undefined ? 0 : 1;
  let harmonic = 0;
  for (let i = 1; i <= count; i++) harmonic += 1 / i;
  for (let i = 1; i <= count; i++) {
    const slot = Math.min(routesTrackedMax, first + i - 1);
    shares[slot] = (shares[slot] ?? 0) + (1 - (failing?.share ?? 0)) / i / harmonic;
  }
  if (failing !== undefined) shares[0] = failing.share;
  const mix = { shares, failingSlot: failing === undefined ? -1 : 0, failing: failing?.errors ?? 0 };
  return () => (second, now) => {
    now.routes = second >= 0 ? mix : { ...mix, failingSlot: -1 };
  };
}

/** Sticky routing with so many users who each make `share` of all requests, of which many fail on either cluster. */
export function heavyUsers(count: number, share: number, errors: number): Climate {
  return (random) => {
    const users = Array.from({ length: count }, () => ({
      place: random.next(),
      bucket: Math.floor(random.next() * userBucketCount),
      share,
      errors,
    }));
    return (_second, now) => {
      now.users = users;
    };
  };
}
