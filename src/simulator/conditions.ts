// The conditions of traffic and both clusters at a moment, and models of how they change: outages, drift,
// bursts, cold starts and regressions. A model is instantiated for each run with a random generator of its
// own.
import type { Random } from '#src/base/random.ts';
import { routesTrackedMax, userBucketCount } from '#src/limits.ts';
import { drawExponential, drawNormal } from './draws.ts';
import { type LatencyShape, usualShape } from './latency-shape.ts';

export interface ArmConditions {
  /**
   * Shares of the requests, 0..1: answered with 5xx, with 404, with 5xx after some seconds, and never
   * answered.
   */
  errors: number;
  notFound: number;
  lateErrors: number;
  hanging: number;
  /** Share that the service behind Kong answers with 5xx; `errors` are Kong's own. */
  serviceErrors: number;
  /** Whether answers have Kong's headers, which tell the two apart. */
  tellsMaker: boolean;
  latency: LatencyShape;
  /** Factor on every latency. */
  slowdown: number;
}

/** A user with many requests, whom sticky routing keeps on one cluster. */
interface HeavyUser {
  /** Hash of the user, 0..1: on Y when Y's share is above it. */
  readonly place: number;
  readonly bucket: number;
  /** Share of all requests that the user makes, and share of those that fail on either cluster. */
  readonly share: number;
  readonly errors: number;
}

/** Requests by route slot. */
interface RouteMix {
  /** Share of the requests by slot; sums to 1. */
  readonly shares: readonly number[];
  /** The slot that fails on Y, or -1, and the share of its requests that fails. */
  readonly failingSlot: number;
  readonly failing: number;
}

export interface Conditions {
  /** Requests per second over both clusters. */
  perSecond: number;
  /** Null when routes are not told apart. */
  routes: RouteMix | null;
  /** Null when routing is not sticky. */
  users: readonly HeavyUser[] | null;
  readonly x: ArmConditions;
  readonly y: ArmConditions;
}

/** Sets or changes the conditions at `second`, counted from Y's first traffic. Before that it is negative. */
export type SetConditions = (second: number, now: Conditions) => void;
export type TrafficModel = (random: Random) => SetConditions;

const faultlessArm = (): ArmConditions => ({
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
  x: faultlessArm(),
  y: faultlessArm(),
});

/** Several models in order: each changes the conditions that those before it have set. */
export function combine(...parts: readonly TrafficModel[]): TrafficModel {
  return (random) => {
    const setters = parts.map((part) => part(random));
    return (second, now) => {
      for (const setConditions of setters) setConditions(second, now);
    };
  };
}

/** Constant conditions that are the same on both clusters, with which every model begins. */
export function steady({
  errors,
  perSecond = 1000,
  latency = usualShape,
  notFound = 0.02,
}: {
  errors: number;
  perSecond?: number;
  latency?: LatencyShape;
  notFound?: number;
}): TrafficModel {
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

/** Changes Y from `fromSecond` on, as a regression does. */
export const onY =
  (change: (y: ArmConditions) => void, fromSecond = 0): TrafficModel =>
  () =>
  (second, now) => {
    if (second >= fromSecond) change(now.y);
  };

/** Changes both clusters from `fromSecond` to `toSecond`. */
export const onBoth =
  (change: (arm: ArmConditions) => void, fromSecond: number, toSecond: number): TrafficModel =>
  () =>
  (second, now) => {
    if (second < fromSecond || second >= toSecond) return;
    change(now.x);
    change(now.y);
  };

/** The same for X alone. */
export const onX =
  (change: (x: ArmConditions) => void, fromSecond: number, toSecond: number): TrafficModel =>
  () =>
  (second, now) => {
    if (second >= fromSecond && second < toSecond) change(now.x);
  };

/**
 * Outages of something that both clusters depend on: about every two minutes, 5 to 25 s with 30 % errors and
 * 2.5 times the latency.
 */
export const sharedOutages: TrafficModel = (random) => {
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

/**
 * Error rate and latency of both clusters drift together: their logarithms are an AR(1) process with a memory
 * of half a minute.
 */
export const wandering: TrafficModel = (random) => {
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

/** Load, errors and latency rise and fall together, as over a day, in ten minutes. */
export const diurnal: TrafficModel = (random) => {
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

/** Short bursts on each cluster separately, at random times, on average every `everySeconds`. */
export function blips(
  everySeconds: number,
  lastsSeconds: number,
  change: (arm: ArmConditions) => void,
): TrafficModel {
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

/** The same at regular intervals, with another phase for each cluster. */
export function evenBlips(
  everySeconds: number,
  lastsSeconds: number,
  change: (arm: ArmConditions) => void,
): TrafficModel {
  return (random) => {
    const phase = { x: everySeconds * random.next(), y: everySeconds * random.next() };
    return (second, now) => {
      if (second < 0) return;
      for (const arm of ['x', 'y'] as const)
        if ((second + phase[arm]) % everySeconds < lastsSeconds) change(now[arm]);
    };
  };
}

/** Answers have Kong's headers, on both clusters or on X alone. */
export const tellingMakers =
  (onY: boolean): TrafficModel =>
  () =>
  (_second, now) => {
    now.x.tellsMaker = true;
    now.y.tellsMaker = onY;
  };

/** Y begins with empty caches: it is three times as slow at first, and as fast as X after half a minute. */
export const coldStart: TrafficModel = () => (second, now) => {
  if (second >= 0 && second < 30) now.y.slowdown *= 3 ** (1 - second / 30);
};

/**
 * `count` routes, of which the i-th has a share proportional to 1/i; those that are not tracked are counted
 * together. With `failing`, there is one more route with that share of the traffic, which fails on Y.
 */
export function routes(count: number, failing?: { share: number; errors: number }): TrafficModel {
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

/**
 * Sticky routing with `count` users who each make `share` of all requests, of which `errors` fail on either
 * cluster.
 */
export function heavyUsers(count: number, share: number, errors: number): TrafficModel {
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
