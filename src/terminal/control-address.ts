// Where the control API is, as people write it and as commands take it.
import type { ControlListener } from '#src/config/control-config.ts';
import { formatHostPort } from '#src/config/net-address.ts';

/** `http://127.0.0.1:9900`, `unix:/run/crossover/control.sock`. */
export function controlAddressText(listener: ControlListener): string {
  if (listener.kind === 'unix') return `unix:${listener.path}`;
  return `${listener.tls === null ? 'http' : 'https'}://${formatHostPort(listener)}`;
}
