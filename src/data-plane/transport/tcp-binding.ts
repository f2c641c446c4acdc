// The one place that touches Node's internal TCP bindings. `loadTcpBinding` returns null where their shape is
// not the one this code was written for (checked on Node 24 and 26); the worker then uses net.Socket instead.

/** A handle of internalBinding('tcp_wrap'): src/tcp_wrap.cc, src/stream_base.cc. */
export interface TcpHandle {
  onread: (this: TcpHandle) => void;
  readStart(): number;
  readStop(): number;
  /** Makes every read land in `buffer`. */
  useUserBuffer(buffer: Buffer): void;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  close(callback?: () => void): void;
  /** Closes with RST; where it returns an error the handle is still open. */
  reset(callback?: () => void): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, initialDelaySeconds: number): number;
  /** Fills `out` in, unless it returns an error. */
  getpeername(out: { address: string; family: string; port: number }): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  readonly writeQueueSize: number;
  /** File descriptor; -1 before connect was called. */
  readonly fd: number;
  /** Ours: what the callbacks belong to. */
  crossoverSocket: unknown;
}

export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  buffer: Uint8Array | null;
  /** The pooled buffer that `buffer` is in. */
  rest: Buffer | null;
  crossoverSocket: unknown;
}

export interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest, status: number) => void;
}

export interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void;
  crossoverSocket: unknown;
}

export interface TcpBinding {
  createHandle(): TcpHandle;
  createWriteRequest(): WriteRequest;
  createShutdownRequest(): ShutdownRequest;
  createConnectRequest(): ConnectRequest;
  /** Results of the last read and write, written by the binding. */
  readonly state: Int32Array;
  readonly bytesOrErrorIndex: number;
  readonly lastWriteWasAsyncIndex: number;
}

interface RawTcpWrap {
  TCP: new (type: number) => TcpHandle;
  TCPConnectWrap: new () => ConnectRequest;
  constants: { SOCKET: number };
}

interface RawStreamWrap {
  WriteWrap: new () => WriteRequest;
  ShutdownWrap: new () => ShutdownRequest;
  streamBaseState: Int32Array;
  kReadBytesOrError: number;
  kLastWriteWasAsync: number;
}

const handleMethods = [
  'readStart',
  'readStop',
  'useUserBuffer',
  'writeBuffer',
  'shutdown',
  'close',
  'reset',
  'getpeername',
  'connect',
];

export function loadTcpBinding(): TcpBinding | null {
  try {
    const binding = (process as unknown as { binding(name: string): unknown }).binding;
    const tcp = binding('tcp_wrap') as RawTcpWrap;
    const stream = binding('stream_wrap') as RawStreamWrap;
    const socketType = tcp.constants.SOCKET;
    const prototype = tcp.TCP.prototype as unknown as Record<string, unknown>;
    const usable =
      handleMethods.every((name) => typeof prototype[name] === 'function') &&
      ArrayBuffer.isView(stream.streamBaseState) &&
      Number.isInteger(stream.kReadBytesOrError) &&
      Number.isInteger(stream.kLastWriteWasAsync) &&
      Number.isInteger(socketType);
    if (!usable) return null;
    return {
      createHandle: () => new tcp.TCP(socketType),
      createWriteRequest: () => new stream.WriteWrap(),
      createShutdownRequest: () => new stream.ShutdownWrap(),
      createConnectRequest: () => new tcp.TCPConnectWrap(),
      state: stream.streamBaseState,
      bytesOrErrorIndex: stream.kReadBytesOrError,
      lastWriteWasAsyncIndex: stream.kLastWriteWasAsync,
    };
  } catch {
    return null;
  }
}
