// Whether there is anything for surroundings.ts to ask: most configurations name nodes by address and no
// files, and a start does not load what it does not need.
import { parseAddress } from '#src/core/routing/client-address.ts';
import type { Config, LoadResult } from './config.ts';

export function dependsOnSurroundings(loaded: LoadResult): boolean {
  if (!loaded.ok) return false;
  const { config, writtenSecrets = [] } = loaded;
  return writtenSecrets.length > 0 || namesFiles(config) || namesHosts(config);
}

const namesFiles = ({ control, listen }: Config): boolean =>
  control.tokens !== null ||
  listen.control.some((listener) => listener.kind === 'tcp' && listener.tls !== null);

const namesHosts = ({ clusters: { x, y } }: Config): boolean =>
  x.admin !== null ||
  y.admin !== null ||
  [...x.nodes, ...y.nodes].some(({ host }) => parseAddress(host) === null);
