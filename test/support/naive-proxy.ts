// A deliberately careless proxy: it forwards bytes as they come, one upstream connection per client
// connection. Checks that find nothing wrong with it prove nothing.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { RunningProxy } from './yardsticks.ts';

export async function startNaiveProxy(upstreamPort: number): Promise<RunningProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    pid: process.pid,
    problem: () => null,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
