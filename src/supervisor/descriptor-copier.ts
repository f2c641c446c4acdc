// Makes further descriptors of a socket. A thread's handles close their descriptors when it ends, so what several threads
// use, or what has to outlive one, needs a descriptor for each. Node has no dup(2); but a descriptor that is sent through a
// Unix socket (SCM_RIGHTS) arrives as a new one, so the process sends it to itself. As in data-plane/transport/tcp-binding.ts,
// the bindings used here are Node's own (checked on Node 26).
import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';

/** The part of a TCP handle that is used here: src/tcp_wrap.cc. A pipe's, which is a Unix socket's, has no names: src/pipe_wrap.cc. */
export interface SocketHandle {
  readonly fd: number;
  open(descriptor: number): number;
  getsockname?(out: SocketName): number;
  getpeername?(out: SocketName): number;
  close(): void;
}

export interface SocketName {
  address?: string;
  family?: string;
  port?: number;
}

interface PipeHandle {
  readonly fd: number;
  onconnection: (status: number, accepted: PipeHandle | undefined) => void;
  onread: () => void;
  /** The socket that came with what was just read. */
  pendingHandle: unknown;
  bind(path: string): number;
  listen(backlog: number): number;
  open(descriptor: number): number;
  connect(request: Request, path: string): number;
  readStart(): number;
  readStop(): number;
  writeUtf8String(request: Request, text: string, handle: SocketHandle): number;
  unref(): void;
  close(): void;
}

interface Request {
  oncomplete: (status: number) => void;
}

type Constructor<T> = new (type: number) => T;

interface Bindings {
  readonly Pipe: Constructor<PipeHandle>;
  readonly PipeConnectWrap: new () => Request;
  readonly WriteWrap: new () => Request;
  readonly TCP: Constructor<SocketHandle>;
  readonly pipeTypes: { readonly SERVER: number; readonly IPC: number };
  readonly serverType: number;
}

function loadBindings(): Bindings {
  const binding = (process as unknown as { binding(name: string): unknown }).binding;
  const pipe = binding('pipe_wrap') as Pick<Bindings, 'Pipe' | 'PipeConnectWrap'> & {
    constants: Bindings['pipeTypes'];
  };
  const tcp = binding('tcp_wrap') as Pick<Bindings, 'TCP'> & { constants: { SERVER: number } };
  const { WriteWrap } = binding('stream_wrap') as Pick<Bindings, 'WriteWrap'>;
  const { Pipe, PipeConnectWrap, constants: pipeTypes } = pipe;
  return { Pipe, PipeConnectWrap, WriteWrap, TCP: tcp.TCP, pipeTypes, serverType: tcp.constants.SERVER };
}

/** Nobody else should know our name in time; if somebody did, a socket of theirs would show here. */
const isSame = (a: SocketHandle, b: SocketHandle): boolean => fstatSync(a.fd).ino === fstatSync(b.fd).ino;

function check(status: number, what: string): void {
  if (status < 0) throw new Error(`${what}: ${getSystemErrorName(status)}`);
}

/** Linux has names that are not in the file system, which may be read-only. */
function socketPath(): string {
  const name = `crossover-${randomBytes(16).toString('hex')}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
}

export class DescriptorCopier {
  readonly #bindings: Bindings;
  readonly #sender: PipeHandle;
  readonly #receiver: PipeHandle;
  /** One after the other: what arrives is told apart by nothing else. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(bindings: Bindings, sender: PipeHandle, receiver: PipeHandle) {
    this.#bindings = bindings;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  static async open(): Promise<DescriptorCopier> {
    const bindings = loadBindings();
    const { Pipe, PipeConnectWrap, pipeTypes } = bindings;
    const path = socketPath();
    const server = new Pipe(pipeTypes.SERVER);
    const accepted = Promise.withResolvers<PipeHandle>();
    server.onconnection = (status, handle) => {
      if (status === 0 && handle !== undefined) accepted.resolve(handle);
      else accepted.reject(new Error(`accept: ${getSystemErrorName(status)}`));
    };
    check(server.bind(path), 'bind');
    check(server.listen(1), 'listen');
    const sender = new Pipe(pipeTypes.IPC);
    const request = new PipeConnectWrap();
    request.oncomplete = (status) => {
      if (status < 0) accepted.reject(new Error(`connect: ${getSystemErrorName(status)}`));
    };
    check(sender.connect(request, path), 'connect');
    // An accepted pipe takes no descriptors, one opened on its descriptor does. Neither is ever closed.
    const receiver = new Pipe(pipeTypes.IPC);
    check(receiver.open((await accepted.promise).fd), 'open');
    server.close();
    sender.unref();
    return new DescriptorCopier(bindings, sender, receiver);
  }

  /** A handle on the descriptor, which it owns from now on. */
  adopt(descriptor: number): SocketHandle {
    const handle = new this.#bindings.TCP(this.#bindings.serverType);
    check(handle.open(descriptor), `descriptor ${descriptor}`);
    return handle;
  }

  /** Another descriptor of the same socket, not inherited by children; null when it is neither a TCP nor a Unix socket. */
  copy(handle: SocketHandle): Promise<SocketHandle | null> {
    const copied = this.#last.then(() => this.#copy(handle));
    this.#last = copied.catch(() => {});
    return copied;
  }

  /** What libuv makes of a descriptor that arrives: a TCP handle, or a pipe for a Unix socket. */
  #isSocket(received: unknown): received is SocketHandle {
    const { TCP, Pipe } = this.#bindings;
    return received instanceof TCP || received instanceof Pipe;
  }

  #copy(handle: SocketHandle): Promise<SocketHandle | null> {
    const receiver = this.#receiver;
    return new Promise((resolve, reject) => {
      receiver.pendingHandle = null;
      receiver.onread = () => {
        const received = receiver.pendingHandle;
        receiver.pendingHandle = null;
        receiver.readStop(); // only a pipe that is read from keeps the process running
        if (!this.#isSocket(received)) resolve(null);
        else if (isSame(received, handle)) resolve(received);
        else reject(new Error('another socket was received than was sent'));
      };
      const request = new this.#bindings.WriteWrap();
      request.oncomplete = () => {};
      try {
        check(receiver.readStart(), 'read');
        check(this.#sender.writeUtf8String(request, '.', handle), 'send');
      } catch (error) {
        reject(error);
      }
    });
  }
}
