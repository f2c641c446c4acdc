// Large bodies to clients and upstreams that do not read them: what is unread stays with who sends it. By
// hand:
//   node test/soak/slow-peers.ts [--peers N] [--mebibytes N] [--seed N] [--write]
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { documentedTimeouts, testConfig } from '../support/crossover-config.ts';
import {
  askForDownload,
  LargeUpstream,
  largeBodyDigest,
  readAnsweredDigest,
  readBodyDigest,
  upload,
} from '../support/large-body.ts';
import { fileDescriptorCount, rssBytes } from '../support/proc.ts';
import { poll, untilStill } from '../support/stillness.ts';
import { fetchOnce } from '../support/wire-client.ts';
import { type Measured, type Run, runLongForm } from './long-form.ts';
import { atMost, type Figure } from './report.ts';

const MiB = 1024 * 1024;
const growthMiBMax = 64;
const warmupRequests = 200;
const sampleEveryMs = 20;

/** Highest memory of the process while it runs. */
class MemoryWatch {
  mostBytes: number;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.mostBytes = rssBytes(pid);
    this.#timer = setInterval(() => {
      this.mostBytes = Math.max(this.mostBytes, rssBytes(pid));
    }, sampleEveryMs);
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.mostBytes;
  }
}

interface Direction {
  readonly name: string;
  begin(socket: Socket): void;
  /** Resolves when nothing moves any more. */
  stalled(crossover: Crossover): Promise<void>;
  /** Lets the bytes flow; the digests of what arrived. */
  finish(sockets: readonly Socket[]): Promise<string[]>;
}

/**
 * Every body has begun by then, and filled what there is to fill: stillness alone could be that of the start.
 */
const beginMs = 3_000;

async function still(crossover: Crossover): Promise<void> {
  await wait(beginMs);
  await untilStill(() => Math.round(rssBytes(crossover.pid) / MiB));
}

async function stall(
  direction: Direction,
  crossover: Crossover,
  peers: number,
  digest: string,
): Promise<Figure[]> {
  const { name } = direction;
  const { pid, port } = crossover;
  const fdsBefore = fileDescriptorCount(pid);
  const before = rssBytes(pid);
  const unread = new MemoryWatch(pid);
  const sockets = Array.from({ length: peers }, () => connect(port, '127.0.0.1').pause());
  for (const socket of sockets) direction.begin(socket);
  await direction.stalled(crossover);
  const growthUnread = unread.stop() - before;
  const flowing = new MemoryWatch(pid);
  const digests = await direction.finish(sockets);
  const growthFlowing = flowing.stop() - before;
  await poll(() => fileDescriptorCount(pid) <= fdsBefore, 10_000);
  return [
    atMost(`${name}: memory growth while nobody reads, MiB`, growthUnread / MiB, growthMiBMax),
    atMost(`${name}: memory growth until all was read, MiB`, growthFlowing / MiB, growthMiBMax),
    atMost(`${name}: bodies damaged`, digests.filter((other) => other !== digest).length, 0),
  ];
}

async function measure({ option, say }: Run): Promise<Measured> {
  const peers = option('peers');
  const bodyBytes = option('mebibytes') * MiB;
  const upstream = new LargeUpstream(bodyBytes);
  await upstream.listen();
  // Memory is the subject: that somebody has to wait for a minute, on a slow machine, is none.
  const patienceMs = 600_000;
  const crossover = await startCrossover(
    testConfig({
      workers: 2,
      x: [upstream.port],
      y: [upstream.port],
      timeouts: {
        ...documentedTimeouts,
        requestBodyMs: patienceMs,
        responseHeadMs: patienceMs,
        responseBodyMs: patienceMs,
        clientIdleMs: patienceMs,
      },
    }),
  );
  for (let index = 0; index < warmupRequests; index++) await fetchOnce(crossover.port, '/-ok', 5_000);
  const directions: readonly Direction[] = [
    {
      name: 'downloads',
      begin: askForDownload,
      stalled: still,
      finish: (sockets) => Promise.all(sockets.map(readBodyDigest)),
    },
    {
      name: 'uploads',
      begin: (socket) => upload(socket, bodyBytes),
      stalled: async () => {
        await upstream.signal.until(() => upstream.uploads === peers, 'the uploads to reach the upstream');
        await still(crossover);
      },
      finish: (sockets) => {
        const answers = Promise.all(sockets.map(readAnsweredDigest));
        upstream.startReading();
        return answers;
      },
    },
  ];
  const figures: Figure[] = [];
  for (const direction of directions) {
    figures.push(...(await stall(direction, crossover, peers, largeBodyDigest(bodyBytes))));
    say(`${direction.name} done`);
  }
  await crossover.stop();
  upstream.stop();
  return {
    figures,
    notes: [`${peers} bodies of ${option('mebibytes')} MiB at once in each direction, two workers.`],
  };
}

await runLongForm({
  title: 'Peers that do not read',
  file: 'test/soak/slow-peers.ts',
  options: { peers: 100, mebibytes: 64 },
  measure,
});
