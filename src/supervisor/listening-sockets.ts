// Listening sockets that the process was started with. The supervisor keeps a descriptor of each without
// accepting from it, so that a socket and the connections that wait in it outlive every thread. Threads get
// descriptors of their own.
import { fstatSync, readFileSync } from 'node:fs';
import type { Config } from '#src/config/config.ts';
import { isLoopback } from '#src/config/net-address.ts';
import type { InheritedControl } from '#src/shared-memory/messages.ts';
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
  readonly kind: InheritedControl['kind'];
}

export class ListeningSockets {
  /** Port of the proxy's sockets, which all have the same. */
  readonly port: number;
  readonly #copier: DescriptorCopier;
  readonly #proxy: readonly KeptSocket[];
  readonly #control: readonly KeptSocket[];

  private constructor(copier: DescriptorCopier, kept: readonly KeptSocket[], port: number) {
    this.#copier = copier;
    this.#proxy = kept.filter(({ name }) => name !== 'control');
    this.#control = kept.filter(({ name }) => name === 'control');
    this.port = port;
  }

  /**
   * Takes the inherited sockets over. Rejects with StartError when a descriptor is not a listening socket of
   * a kind that is used.
   */
  static async take({ names }: InheritedListeners, config: Config): Promise<ListeningSockets> {
    const copier = await DescriptorCopier.open().catch((error: Error) =>
      refuse(`this Node cannot take inherited sockets over: ${error.message}`),
    );
    const kept: KeptSocket[] = [];
    const ports = new Set<number>();
    for (const [index, name] of names.entries()) {
      const handle = await keep(copier, firstDescriptor + index);
      const { address, port = 0 } = nameOf(handle);
      const kind = address === undefined ? 'unix' : 'tcp';
      if (name !== 'control' && address === undefined)
        refuse(
          `inherited descriptor ${firstDescriptor + index} is not a TCP socket, as the proxy's have to be`,
        );
      if (name !== 'control') ports.add(port);
      else if (address !== undefined) checkControl(address, config);
      kept.push({ name, handle, kind });
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
   * New descriptors for the control thread, as for a worker; none when no socket of the control API was
   * inherited.
   */
  async forControl(): Promise<readonly InheritedControl[]> {
    return Promise.all(
      this.#control.map(async ({ handle, kind }) => ({
        descriptor: await this.#descriptorOf(handle),
        kind,
        path: kind === 'unix' ? pathOf(handle) : null,
      })),
    );
  }

  async #descriptorOf(handle: SocketHandle): Promise<number> {
    const copy = await this.#copier.copy(handle);
    if (copy === null) throw new Error('a kept socket could not be copied');
    return copy.fd;
  }

  /** The sockets that a new process gets which replaces this one. */
  list(): NamedDescriptor[] {
    return [...this.#proxy, ...this.#control].map(({ name, handle }) => ({ name, descriptor: handle.fd }));
  }

  /**
   * Closes the kept descriptors. A socket ends then with the last thread that listens on it, unless another
   * process has it.
   */
  close(): void {
    for (const { handle } of [...this.#proxy, ...this.#control]) handle.close();
  }
}

/** Replaces an inherited descriptor by a new one, because child processes would inherit it as well. */
async function keep(copier: DescriptorCopier, descriptor: number): Promise<SocketHandle> {
  const what = `inherited descriptor ${descriptor}`;
  if (!isSocket(descriptor)) refuse(`${what} is not an open socket`);
  const inherited = copier.adopt(descriptor);
  const handle = await copier.copy(inherited);
  inherited.close();
  if (handle === null) refuse(`${what} is neither a TCP nor a Unix socket`);
  if (isConnection(handle))
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

/** Empty for a Unix socket. */
function nameOf(handle: SocketHandle): SocketName {
  const out: SocketName = {};
  handle.getsockname?.(out);
  return out;
}

/**
 * Of a Unix socket the system says it with its path: flag 0x10000 (__SO_ACCEPTCON) is that of one that
 * listens.
 */
function isConnection(handle: SocketHandle): boolean {
  if (handle.getpeername !== undefined) return handle.getpeername({}) === 0;
  const flags = unixEntry(handle)?.flags;
  return flags !== undefined && flags !== '00010000';
}

const pathOf = (handle: SocketHandle): string | null => unixEntry(handle)?.path ?? null;

/**
 * The line of a Unix socket in /proc/net/unix, by its inode (proc_net(5)); null where there is no such file.
 */
function unixEntry(handle: SocketHandle): { readonly flags: string; readonly path: string | null } | null {
  let text: string;
  try {
    text = readFileSync('/proc/self/net/unix', 'utf8');
  } catch {
    return null;
  }
  const inode = String(fstatSync(handle.fd).ino);
  for (const line of text.split('\n')) {
    const [, , , flags = '', , , found, ...path] = line.trim().split(/ +/);
    if (found === inode) return { flags, path: path.length === 0 ? null : path.join(' ') };
  }
  return null;
}

/** Checks the same as the configuration does for listen.control: beyond loopback a token is needed. */
function checkControl(address: string, { control }: Config): void {
  if (isLoopback(address) || control.token !== null || control.tokens !== null) return;
  refuse(`the inherited control socket is on ${address}, where control.token or control.tokens is required`);
}

function refuse(message: string): never {
  throw new StartError('LISTEN_FDS', message);
}
