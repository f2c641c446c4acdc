// A node in a process of its own that works on so many requests at a time, each for so long, and lets the
// others wait in their order: what a cluster at the end of its capacity looks like. Arguments: requests at a
// time, milliseconds each.
import { createServer, type ServerResponse } from 'node:http';

const [slots = 50, workMs = 5] = process.argv.slice(2).map(Number);
const waiting: ServerResponse[] = [];
let working = 0;

function work(response: ServerResponse): void {
  working++;
  setTimeout(() => {
    working--;
    response.end('ok');
    const next = waiting.shift();
    if (next !== undefined) work(next);
  }, workMs);
}

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  if (request.url?.startsWith('/-') === true) response.end('ok');
  else if (working < slots) work(response);
  else waiting.push(response);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.(address !== null && typeof address === 'object' ? address.port : 0);
});
process.on('disconnect', () => process.exit(0));
