// Several workers share a port by SO_REUSEPORT, and so would another process that was started on it by mistake: the kernel
// refuses neither, and gives each a part of the connections.
import { createServer } from 'node:net';
import type { Address } from '#src/config/config.ts';

/** Whether somebody listens there already. Binding without sharing finds out; what is free is given back at once. */
export function isListenedOn({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
}
