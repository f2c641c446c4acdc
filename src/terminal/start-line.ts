// The line that `serve` prints once traffic is taken.

interface Listening {
  readonly version: string;
  readonly proxy: { readonly host: string; readonly port: number };
  readonly control: { readonly host: string; readonly port: number };
  /** Where the control API listens; 0 while it does not, since traffic does not wait for it. */
  readonly controlPort: number;
}

/** Without the API's port where the system is yet to choose one: no address is better than a wrong one. */
export function startLine({ version, proxy, control, controlPort }: Listening): string {
  const port = controlPort || control.port;
  const api =
    port === 0
      ? `control API on ${control.host}, not yet there`
      : `control API on http://${control.host}:${port}`;
  return `crossover ${version} proxies on ${proxy.host}:${proxy.port}; ${api}\n`;
}
