// A proxy given on the command line: {port}, {x} and {y} are filled in. It is taken as it is, also its
// headers and split, and runs where the benchmark was started, so that paths in it mean what they mean to
// whoever wrote them.
import process from 'node:process';
import type { Peer } from './peer.ts';

/** @param line the command line, split at spaces; a part with spaces goes in single or double quotes */
export function commandPeer(name: string, line: string): Peer {
  const parts = line.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return {
    name,
    workingDirectory: process.cwd(),
    version: () => line,
    prepare: ({ port, portX, portY }) =>
      parts.map((part) =>
        part
          .replace(/^(['"])(.*)\1$/s, '$2')
          .replaceAll('{port}', String(port))
          .replaceAll('{x}', String(portX))
          .replaceAll('{y}', String(portY)),
      ),
  };
}
