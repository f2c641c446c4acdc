// Crossover with everything on that a default configuration has on: health checks, telemetry, analysis, safety net.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Peer, type PeerSetup, sharePercentY } from './peer.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export const crossover: Peer = {
  name: 'crossover',
  version: () =>
    (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  prepare: (setup) => command(setup, []),
  afterStart: ({ controlPort }) => setSplit(controlPort),
};

/** Crossover under V8's profiler; every thread writes its profile into the directory when it ends. */
export const profiledCrossover = (profileDirectory: string): Peer => ({
  ...crossover,
  prepare: (setup) =>
    command(setup, ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`, '--cpu-prof-interval=200']),
});

function command(setup: PeerSetup, nodeOptions: readonly string[]): string[] {
  const file = join(setup.directory, 'crossover.yaml');
  writeFileSync(file, config(setup));
  return [process.execPath, ...nodeOptions, join(root, 'src/cli/crossover.ts'), 'serve', '--config', file];
}

function config({ port, controlPort, portX, portY, directory, connections }: PeerSetup): string {
  return `
listen: { proxy: 127.0.0.1:${port}, control: 127.0.0.1:${controlPort} }
workers: 1
clusters:
  x: { label: x, nodes: [http://127.0.0.1:${portX}] }
  y: { label: y, nodes: [http://127.0.0.1:${portY}] }
timeouts: { clientIdle: 600s }
limits: { connections: ${connections + 1024} }
rollout: { autostart: false }
store: { sqlite: ${directory}/crossover.db }
`;
}

async function setSplit(controlPort: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/v1/split`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ y: sharePercentY }),
  });
  if (!response.ok) throw new Error(`cannot set the split: ${response.status} ${await response.text()}`);
}
