// The upstreams for machines without nginx: `node backend-server.ts PORT PORT…`.
import { createServer } from 'node:http';
import process from 'node:process';

const bodies = new Map([
  ['/1k', Buffer.alloc(1024, 'k')],
  ['/100k', Buffer.alloc(100 * 1024, 'k')],
]);
const otherwise = Buffer.from('ok\n');

for (const port of process.argv.slice(2).map(Number)) {
  const server = createServer((request, response) => {
    request.resume();
    const body = bodies.get(request.url ?? '') ?? otherwise;
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.byteLength }).end(body);
  });
  server.keepAliveTimeout = 600_000;
  server.listen(port, '127.0.0.1', 4096);
}
