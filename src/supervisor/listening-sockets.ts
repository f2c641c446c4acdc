// Listening sockets that the process was started with. The supervisor keeps a descriptor of each without
// accepting from it, so that a socket and the connections that wait in it outlive every thread. Threads get
// descriptors of their own.
import { fstatSync } from 'node:fs';
import type { Config } from '#src/config/config.ts';
import { isLoopback } from '#src/config/net-address.ts';
import { DescriptorCopier, type SocketHandle, type SocketName } from './descriptor-copier.ts';
import { firstDescriptor, type InheritedListeners } from './inherited-listeners.ts';
import { StartError } from './start-error.ts';

export interface NamedDescriptor {
  readonly name: string;
  readonly descriptor: number;
}

interface KeptSocket {
  readonly name: string;
  readonly handle: SocketHandle;
}

export class ListeningSockets {
  /** Port of the proxy's sockets, which all have the same. */
  readonly port: number;
  readonly #copier: DescriptorCopier;
  readonly #proxy: readonly KeptSocket[];
  readonly #control: KeptSocket | null;

  private constructor(copier: DescriptorCopier, kept: readonly KeptSocket[], port: number) {
    this.#copier = copier;
    this.#proxy = kept.filter(({ name }) => name !== 'control');
    this.#control = kept.find(({ name }) => name === 'control') ?? null;
    this.port = port;
  }

  /**
   * Takes the inherited sockets over. Rejects with StartError when a descriptor is not a listening TCP
   * socket.
   */
  static async take({ names }: InheritedListeners, config: Config): Promise<ListeningSockets> {
    const copier = await DescriptorCopier.open().catch((error: Error) =>
      refuse(`this Node cannot take inherited sockets over: ${error.message}`),
    );
    const kept: KeptSocket[] = [];
    const ports = new Set<number>();
    for (const [index, name] of names.entries()) {
      const handle = await keep(copier, firstDescriptor + index);
      const { address = '', port = 0 } = nameOf(handle);
      if (name === 'control') checkControl(address, config);
      else ports.add(port);
      kept.push({ name, handle });
    }
    const [port = 0] = ports;
    if (ports.size > 1) refuse(`the proxy's sockets have different ports: ${[...ports].join(', ')}`);
    return new ListeningSockets(copier, kept, port);
  }

  /**
   * New descriptors for a worker, one of `workerCount`: every socket is given to some worker, and every
   * worker has at least one. They belong to the worker and are closed by it, or when it ends. The handles in
   * which they arrived here are not closed: by then the descriptor may belong to something else.
   */
  async forWorker(index: number, workerCount: number): Promise<number[]> {
    const sockets = this.#proxy;
    const own = sockets.filter((_, at) => at % workerCount === index);
    const wanted = own.length > 0 ? own : [sockets[index % sockets.length] as KeptSocket];
    return Promise.all(wanted.map(({ handle }) => this.#descriptorOf(handle)));
  }

  /**
   * A new descriptor for the control thread, as for a worker; null when no socket of the control API was
   * inherited.
   */
  async forControl(): Promise<number | null> {
    return this.#control === null ? null : this.#descriptorOf(this.#control.handle);
  }

  async #descriptorOf(handle: SocketHandle): Promise<number> {
    const copy = await this.#copier.copy(handle);
    if (copy === null) throw new Error('a kept socket could not be copied');
    return copy.fd;
  }

  /** The sockets that a new process gets which replaces this one. */
  list(): NamedDescriptor[] {
    const all = this.#control === null ? this.#proxy : [...this.#proxy, this.#control];
    return all.map(({ name, handle }) => ({ name, descriptor: handle.fd }));
  }

  /**
   * Closes the kept descriptors. A socket ends then with the last thread that listens on it, unless another
   * process has it.
   */
  close(): void {
    for (const { handle } of this.#proxy) handle.close();
    this.#control?.handle.close();
  }
}

/** Replaces an inherited descriptor by a new one, because child processes would inherit it as well. */
async function keep(copier: DescriptorCopier, descriptor: number): Promise<SocketHandle> {
  const what = `inherited descriptor ${descriptor}`;
  if (!isSocket(descriptor)) refuse(`${what} is not an open socket`);
  const inherited = copier.adopt(descriptor);
  const handle = await copier.copy(inherited);
  inherited.close();
  if (handle === null || nameOf(handle).family === undefined) refuse(`${what} is not a TCP socket`);
  if (handle.getpeername({}) === 0)
    refuse(`${what} is a connection, not a listening socket (a .socket unit needs Accept=no)`);
  return handle;
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}

function nameOf(handle: SocketHandle): SocketName {
  const out: SocketName = {};
  handle.getsockname(out);
  return out;
}

/** Checks the same as the configuration does for listen.control: beyond loopback a token is needed. */
function checkControl(address: string, { control }: Config): void {
  if (isLoopback(address) || control.token !== null) return;
  refuse(`the inherited control socket is on ${address}, where control.token is required`);
}

function refuse(message: string): never {
  throw new StartError('LISTEN_FDS', message);
}
