// The control API's listening socket, bound before the API is loaded: a start that can't have its port ends
// before it has changed anything, and one that can lets traffic begin meanwhile. Who asks that early waits
// until the API is there.
import type { RequestListener, Server } from 'node:http';
import process from 'node:process';
import type { Address } from '#src/config/config.ts';

// Not imported: an import reads every export, and WebSocket among them loads Node's HTTP client, 3 MiB of
// this thread's heap.
const { createServer } = process.getBuiltinModule('node:http');

/**
 * Clients at a time: operators, scrapers, a few pages. Far below what would starve the proxy of file
 * descriptors.
 */
const apiConnectionsMax = 256;
/** A request head and body must arrive within this. */
const requestMsMax = 10_000;

export class ApiListener {
  readonly server: Server;
  /** Set by the API when it is made; called from `open` on. */
  handler: RequestListener | null = null;
  #isOpen = false;
  readonly #waiting: Parameters<RequestListener>[] = [];

  constructor() {
    this.server = createServer({ requestTimeout: requestMsMax }, (...exchange) => {
      if (this.#isOpen) this.handler?.(...exchange);
      else this.#waiting.push(exchange);
    });
    this.server.maxConnections = apiConnectionsMax;
  }

  /**
   * Binds an address, or takes a listening socket over. Resolves with the port; rejects with the system's
   * error.
   */
  listen(where: Address | { readonly fd: number }): Promise<number> {
    const { server } = this;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        const bound = server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  /** From now on requests are answered; those that wait first. */
  open(): void {
    this.#isOpen = true;
    for (const exchange of this.#waiting.splice(0)) this.handler?.(...exchange);
  }

  /** Accepts no more, and cuts what is under way. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
