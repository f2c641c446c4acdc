// Where a `crossover serve` listens, from what it printed.

/**
 * Ports of the proxy and the control API; null until both are said. On a slow machine the second comes in the
 * log, later.
 */
export function servePorts({
  out,
  err,
}: {
  readonly out: string;
  readonly err: string;
}): [number, number] | null {
  const proxy = /proxies on 127\.0\.0\.1:(\d+); (.*)\n/.exec(out);
  if (proxy === null) return null;
  const said = proxy[2]?.startsWith('control API on http') === true ? proxy[2] : err;
  const control = /(?:control API on |"addresses":\[")http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
  return control === null ? null : [Number(proxy[1]), Number(control[1])];
}
