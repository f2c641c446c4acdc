// Crossover with everything on that a default configuration has on: health checks, telemetry, analysis,
// safety net.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Peer, type PeerSetup, sharePercentY } from './peer.ts';

const token = 'a-token-for-the-benchmark';

const ownRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The Crossover of a checkout, with the Node of that checkout. */
export function crossoverAt(name: string, root: string, nodeOptions: readonly string[] = []): Peer {
  return {
    name,
    version: () =>
      (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    prepare: (setup) => {
      const file = join(setup.directory, `${name}.yaml`);
      writeFileSync(file, config(name, setup));
      return [...program(root, nodeOptions), 'serve', '--config', file];
    },
    afterStart: ({ controlPort }) => setSplit(controlPort),
  };
}

/** As it is run in production; with options for Node, what that runs. */
function program(root: string, nodeOptions: readonly string[]): readonly string[] {
  const script = resolve(root, 'bin/crossover');
  return nodeOptions.length === 0
    ? [script]
    : [process.execPath, '--expose-gc', ...nodeOptions, `${script}.js`];
}

export const crossover = crossoverAt('crossover', ownRoot);

/** Crossover under V8's profiler; every thread writes its profile into the directory when it ends. */
export const profiledCrossover = (profileDirectory: string): Peer =>
  crossoverAt('crossover', ownRoot, [
    '--cpu-prof',
    `--cpu-prof-dir=${profileDirectory}`,
    '--cpu-prof-interval=200',
  ]);

function config(
  name: string,
  { port, controlPort, portX, portY, directory, connections, workers }: PeerSetup,
): string {
  return `
listen: { proxy: 127.0.0.1:${port}, control: 127.0.0.1:${controlPort} }
workers: ${workers}
clusters:
  x: { label: x, nodes: [http://127.0.0.1:${portX}] }
  y: { label: y, nodes: [http://127.0.0.1:${portY}] }
timeouts: { clientIdle: 600s }
limits: { connections: ${connections + 1024} }
rollout: { autostart: false }
control: { token: ${token} }
store: { sqlite: ${directory}/${name}.db }
`;
}

async function setSplit(controlPort: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/v1/split`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ y: sharePercentY }),
  });
  if (!response.ok) throw new Error(`cannot set the split: ${response.status} ${await response.text()}`);
}
