// What is measured. Each case is small enough that a round of all proxies takes well under a minute.
import type { CaseName } from './options.ts';

export interface LoadCase {
  readonly kind: 'load';
  readonly title: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly close: boolean;
}

type BenchCase = LoadCase | { readonly kind: 'idle' | 'half'; readonly title: string };

/** How many idle connections there are at the first and at the second reading of memory. */
export const idleConnections = { first: 1000, last: 4000 };

export const benchCases: Readonly<Record<CaseName, BenchCase>> = {
  '1k': { kind: 'load', title: '1 KB GET', path: '/1k', method: 'GET', close: false },
  '100k': { kind: 'load', title: '100 KB GET', path: '/100k', method: 'GET', close: false },
  post: { kind: 'load', title: '1 KB POST', path: '/post', method: 'POST', close: false },
  connect: {
    kind: 'load',
    title: 'New connection per request, 1 KB',
    path: '/1k',
    method: 'GET',
    close: true,
  },
  idle: {
    kind: 'idle',
    title: `Idle connections, from ${idleConnections.first.toLocaleString('en')} to ${idleConnections.last.toLocaleString('en')}`,
  },
  half: { kind: 'half', title: 'Latency at half load, 1 KB' },
};
