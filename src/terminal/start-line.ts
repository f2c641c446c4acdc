// The line that `serve` prints when the proxy takes traffic.
import type { ControlListener } from '#src/config/control-config.ts';
import { controlAddressText } from './control-address.ts';

interface Listening {
  readonly version: string;
  readonly proxy: { readonly host: string; readonly port: number };
  /** As configured. */
  readonly control: readonly ControlListener[];
  /** Where the control API listens; none while it does not, since traffic does not wait for it. */
  readonly controlAddresses: readonly string[];
}

/**
 * The line. It has no address of the control API while that does not listen and the system will choose its
 * port.
 */
export function startLine({ version, proxy, control, controlAddresses }: Listening): string {
  const isChosen = control.every((listener) => listener.kind === 'unix' || listener.port !== 0);
  const configured = isChosen
    ? control.map(controlAddressText).join(', ')
    : `${control.map((listener) => (listener.kind === 'tcp' ? listener.host : listener.path)).join(', ')}, not yet there`;
  const api = controlAddresses.length > 0 ? controlAddresses.join(', ') : configured;
  return `crossover ${version} proxies on ${proxy.host}:${proxy.port}; control API on ${api}\n`;
}
