// What the demo's clients ask for: mostly good requests to the four services, a few that any real API sees as well.
import type { Dispatcher } from 'undici';
import type { Random } from '#src/base/random.ts';
import { demoApiKey } from './kong-routes.ts';

const key = { apikey: demoApiKey };
const keyAndJson = { ...key, 'content-type': 'application/json' };
const order = JSON.stringify({ customer: 'usr_7', lines: [{ sku: 'sku-3', quantity: 2 }] });
const payment = JSON.stringify({ order: 'ord_1003', currency: 'EUR', cents: 4180, method: 'card' });

type MakeRequest = (random: Random) => Dispatcher.DispatchOptions;

const number = (random: Random, max: number): number => Math.floor(random.next() * max);

/** Share of the traffic and the request; the shares add up to 1. */
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
    // Only rounding of the shares' sum leads here.
    return { method: 'GET', path: '/orders?limit=8', headers: key };
  };
}
