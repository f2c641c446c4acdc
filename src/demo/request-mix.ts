// The requests of the demo's clients: most are good requests to the four services, some are mistakes as every
// API gets them.
import type { Dispatcher } from 'undici';
import type { Random } from '#src/base/random.ts';
import { demoApiKey } from './kong-routes.ts';

const key = { apikey: demoApiKey };
const keyAndJson = { ...key, 'content-type': 'application/json' };
const order = JSON.stringify({ customer: 'usr_7', lines: [{ sku: 'sku-3', quantity: 2 }] });
const payment = JSON.stringify({ order: 'ord_1003', currency: 'EUR', cents: 4180, method: 'card' });

type MakeRequest = (random: Random) => Dispatcher.DispatchOptions;

const number = (random: Random, max: number): number => Math.floor(random.next() * max);

/** Shares of the traffic, which add up to 1, with the requests. */
const mix: readonly (readonly [share: number, make: MakeRequest])[] = [
  [0.4, (random) => ({ method: 'GET', path: `/users/usr_${number(random, 1000)}`, headers: key })],
  [0.25, (random) => ({ method: 'GET', path: `/search?q=item-${number(random, 500)}`, headers: {} })],
  [0.2, () => ({ method: 'GET', path: '/orders?limit=8', headers: key })],
  [0.08, () => ({ method: 'POST', path: '/orders', headers: keyAndJson, body: order })],
  [0.06, () => ({ method: 'POST', path: '/payments', headers: keyAndJson, body: payment })],
  [0.006, () => ({ method: 'GET', path: '/orders', headers: {} })],
  [0.004, (random) => ({ method: 'GET', path: `/favicon-${number(random, 10)}.ico`, headers: {} })],
];

/** A function that draws the next request. */
export function createRequestMix(random: Random): () => Dispatcher.DispatchOptions {
  return () => {
    let draw = random.next();
    for (const [share, make] of mix) {
      draw -= share;
      if (draw < 0) return make(random);
    }
    // Reached only when rounding makes the sum of the shares less than 1.
    return { method: 'GET', path: '/orders?limit=8', headers: key };
  };
}
