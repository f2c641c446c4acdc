// A listener in a process of its own that hands every connection to its parent. Stopped with SIGSTOP it
// accepts no more: two connections later the kernel lets further connects hang. Who serves the connections it
// accepted goes on.
import { createServer } from 'node:net';

const server = createServer({ pauseOnConnect: true }, (socket) => process.send?.('connection', socket));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  const address = server.address();
  process.send?.(address !== null && typeof address === 'object' ? address.port : 0);
});
process.on('disconnect', () => process.exit(0));
