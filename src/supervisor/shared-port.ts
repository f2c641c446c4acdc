// Workers share a port with SO_REUSEPORT. Another process that is started on the same port by mistake shares
// it as well: the kernel does not refuse it, and gives it a part of the connections.
import { createServer } from 'node:net';
import type { Address } from '#src/config/config.ts';

/**
 * Whether somebody listens there already. It is found out by listening without sharing; a port that is free
 * is freed again.
 */
export function isListenedOn({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
