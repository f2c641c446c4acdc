// All proxies the benchmark knows by name.
import { caddy } from './caddy.ts';
import { crossover } from './crossover.ts';
import { fastifyProxy } from './fastify.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';

export const knownPeers: ReadonlyMap<string, Peer> = new Map(
  [crossover, nginx, haproxy, caddy, fastifyProxy].map((peer) => [peer.name, peer]),
);
