// The line that `serve` prints when the proxy takes traffic.

interface Listening {
  readonly version: string;
  readonly proxy: { readonly host: string; readonly port: number };
  readonly control: { readonly host: string; readonly port: number };
  /** Port of the control API; 0 while it does not listen yet, because traffic does not wait for it. */
  readonly controlPort: number;
}

/**
 * The line. It has no address of the control API while that does not listen and the system will choose its
 * port.
 */
export function startLine({ version, proxy, control, controlPort }: Listening): string {
  const port = controlPort || control.port;
  const api =
    port === 0
      ? `control API on ${control.host}, not yet there`
      : `control API on http://${control.host}:${port}`;
  return `crossover ${version} proxies on ${proxy.host}:${proxy.port}; ${api}\n`;
}
