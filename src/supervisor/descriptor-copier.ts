// Makes further descriptors of a socket. When a thread ends, its handles close their descriptors, so a socket
// that several threads use, or that has to outlive a thread, needs a descriptor for each. Node has no dup(2).
// A descriptor that is sent through a Unix socket (SCM_RIGHTS) arrives as a new one, so the process sends it
// to itself. Node's internal bindings are used for it, as in data-plane/transport/tcp-binding.ts (checked on
// Node 26).
import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';

/**
 * The methods of a TCP handle that are used here; Node has it in tcp_wrap.cc. A pipe, which is what a Unix
 * socket has (pipe_wrap.cc), has no names.
 */
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
  /** The socket that came with the data that was just read. */
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

/**
 * Whether both are the same socket. If another process had connected to our Unix socket, it could have sent
 * one of its own.
 */
const isSame = (a: SocketHandle, b: SocketHandle): boolean => fstatSync(a.fd).ino === fstatSync(b.fd).ino;

function check(status: number, what: string): void {
  if (status < 0) throw new Error(`${what}: ${getSystemErrorName(status)}`);
}

/** Path of the Unix socket: on Linux an abstract name, because the file system may be read-only. */
function socketPath(): string {
  const name = `crossover-${randomBytes(16).toString('hex')}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
}

export class DescriptorCopier {
  readonly #bindings: Bindings;
  readonly #sender: PipeHandle;
  readonly #receiver: PipeHandle;
  /** Copies are made one after the other, because nothing tells which copy a received socket belongs to. */
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
    // An accepted pipe cannot receive descriptors, but a pipe that is opened on its descriptor can. Neither
    // is ever closed.
    const receiver = new Pipe(pipeTypes.IPC);
    check(receiver.open((await accepted.promise).fd), 'open');
    server.close();
    sender.unref();
    return new DescriptorCopier(bindings, sender, receiver);
  }

  /** A handle of the descriptor, which belongs to the handle from now on. */
  adopt(descriptor: number): SocketHandle {
    const handle = new this.#bindings.TCP(this.#bindings.serverType);
    check(handle.open(descriptor), `descriptor ${descriptor}`);
    return handle;
  }

  /**
   * Another descriptor of the same socket, which child processes do not inherit; null when it is neither a
   * TCP nor a Unix socket.
   */
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
        receiver.readStop(); // while a pipe is read from it keeps the process running
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
