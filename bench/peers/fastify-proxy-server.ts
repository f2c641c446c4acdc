// A two-upstream proxy of fastify and @fastify/http-proxy: `node fastify-proxy-server.ts PORT PORT_X PORT_Y`.
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { sharePercentY } from './peer.ts';

const [port = 0, portX = 0, portY = 0] = process.argv.slice(2).map(Number);
const upstreamX = `http://127.0.0.1:${portX}`;
const upstreamY = `http://127.0.0.1:${portY}`;

const app = fastify({ logger: false, keepAliveTimeout: 600_000 });
await app.register(httpProxy, {
  upstream: '',
  undici: { connections: 256, pipelining: 1, keepAliveTimeout: 600_000 },
  replyOptions: {
    getUpstream: () => (Math.random() * 100 < sharePercentY ? upstreamY : upstreamX),
    // It relays `Connection` in both directions by itself, which breaks clients that ask for `close`.
    rewriteHeaders: ({ connection: _connection, 'keep-alive': _keepAlive, ...headers }) => headers,
    rewriteRequestHeaders: (request, { connection: _connection, ...headers }) => ({
      ...headers,
      'x-forwarded-for': request.socket.remoteAddress,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': request.headers.host,
      'x-forwarded-port': String(port),
      'x-real-ip': request.socket.remoteAddress,
      'x-request-id': randomUUID(),
      via: '1.1 fastify',
    }),
  },
});
await app.listen({ host: '127.0.0.1', port });
