// A proxy under test, running.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cores } from './cores.ts';
import type { Peer } from './peers/peer.ts';
import { type Child, freePorts, startChild } from './process/children.ts';

export interface RunningProxy {
  readonly name: string;
  readonly port: number;
  readonly child: Child;
}

const readyMsMax = 20_000;
/** A port found free can be taken before the proxy binds it. */
const startAttemptsMax = 3;

/**
 * Starts a proxy and waits until it forwards.
 * @throws with the end of its log when it does not
 */
export async function startProxy(
  peer: Peer,
  upstreams: { portX: number; portY: number },
  connections: number,
  parent: string,
  cores: Cores,
  workers = 1,
): Promise<RunningProxy> {
  for (let attempt = 1; ; attempt++) {
    const directory = join(parent, `${peer.name}-${attempt}-${Date.now()}`);
    mkdirSync(directory, { recursive: true });
    const [port = 0, controlPort = 0] = await freePorts(2);
    const setup = { port, controlPort, ...upstreams, directory, connections, workers };
    const runsIn = peer.workingDirectory ?? directory;
    const child = await startChild(peer.prepare(setup), cores.proxy, join(directory, 'log'), runsIn);
    try {
      await untilReady(child, port);
      await peer.afterStart?.(setup);
      return { name: peer.name, port, child };
    } catch (error) {
      await child.stop();
      if (attempt === startAttemptsMax) {
        const log = readFileSync(child.logFile, 'utf8').slice(-2000);
        throw new Error(`${peer.name}: ${(error as Error).message}\n${log}`);
      }
    }
  }
}

async function untilReady(child: Child, port: number): Promise<void> {
  const deadline = performance.now() + readyMsMax;
  for (;;) {
    if (child.ended()) throw new Error('ended before it answered');
    if (await answers(port)) return;
    if (performance.now() > deadline) throw new Error(`did not forward within ${readyMsMax / 1000} s`);
    await delay(50);
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(1000);
    const response = await fetch(`http://127.0.0.1:${port}/1k`, { signal });
    return response.status === 200 && (await response.arrayBuffer()).byteLength === 1024;
  } catch {
    return false;
  }
}
