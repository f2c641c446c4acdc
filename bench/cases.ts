// What is measured. Each case is small enough that a round of all proxies takes well under a minute.
import type { CaseName } from './options.ts';

export interface LoadCase {
  readonly kind: 'load';
  readonly title: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly close: boolean;
}

/** Requests at a fixed rate: half of what the reference proxy does in the case `ofPeak`. */
interface HalfCase {
  readonly kind: 'half';
  readonly title: string;
  readonly ofPeak: LoadCase;
}

/** What a process takes after all of these loads, one after the other. */
interface MemoryCase {
  readonly kind: 'memory';
  readonly title: string;
  readonly workers: number;
  readonly loads: readonly LoadCase[];
}

export type BenchCase = LoadCase | HalfCase | MemoryCase | { readonly kind: 'idle'; readonly title: string };

/** For so long a memory case runs all its loads together, seconds. */
export const memoryLoadSeconds = 60;

/** How many idle connections there are at the first and at the second reading of memory. */
export const idleConnections = { first: 1000, last: 4000 };

const small: LoadCase = { kind: 'load', title: '1 KB GET', path: '/1k', method: 'GET', close: false };
const large: LoadCase = { kind: 'load', title: '100 KB GET', path: '/100k', method: 'GET', close: false };

const post: LoadCase = { kind: 'load', title: '1 KB POST', path: '/post', method: 'POST', close: false };

export const benchCases = {
  '1k': small,
  '100k': large,
  post,
  connect: { ...small, title: 'New connection per request, 1 KB', close: true },
  idle: {
    kind: 'idle',
    title: `Idle connections, from ${idleConnections.first.toLocaleString('en')} to ${idleConnections.last.toLocaleString('en')}`,
  },
  half: { kind: 'half', title: 'Latency at half load, 1 KB', ofPeak: small },
  memory: {
    kind: 'memory',
    title: 'Memory of two workers after a minute of load',
    workers: 2,
    loads: [small, large, post],
  },
  half100k: { kind: 'half', title: 'Latency at half load, 100 KB', ofPeak: large },
} as const satisfies Readonly<Record<CaseName, BenchCase>>;
