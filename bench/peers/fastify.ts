// @fastify/http-proxy with two upstreams, as somebody would write it on Node without Crossover.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peer.ts';

const program = fileURLToPath(new URL('./fastify-proxy-server.ts', import.meta.url));
const manifest = new URL('../../node_modules/@fastify/http-proxy/package.json', import.meta.url);

export const fastifyProxy: Peer = {
  name: 'fastify',
  version: () =>
    `@fastify/http-proxy ${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`,
  prepare: ({ port, portX, portY }) => [
    process.execPath,
    program,
    String(port),
    String(portX),
    String(portY),
  ],
};
