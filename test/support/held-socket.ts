// What a service manager holds: a socket that this process opened, never accepts from, and passes on. It
// listens from the moment on that somebody it was passed to does.
import process from 'node:process';

interface TcpHandle {
  readonly fd: number;
  bind(address: string, port: number): number;
  close(): void;
}

interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle;
  readonly constants: { readonly SERVER: number };
}

export function holdSocket(): { descriptor: number; release: () => void } {
  const { binding } = process as unknown as { binding(name: string): TcpBinding };
  const { TCP, constants } = binding('tcp_wrap');
  const handle = new TCP(constants.SERVER);
  if (handle.bind('127.0.0.1', 0) !== 0) throw new Error('no port');
  return { descriptor: handle.fd, release: () => handle.close() };
}
