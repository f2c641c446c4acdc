// Answers of an upstream cut at chosen points, by length and chunked, by FIN and RST, and whether a client
// saw that something was missing.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Random } from '#src/base/random.ts';
import { Signal } from './signal.ts';
import { hangMs } from './until.ts';
import { WireClient } from './wire-client.ts';

const atOnce = 8;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

function answer(kind: 'length' | 'chunked', bodyBytes: number, chunkBytes: number): string {
  const body = 'x'.repeat(bodyBytes);
  if (kind === 'length') return `HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n${body}`;
  let chunks = '';
  for (let at = 0; at < bodyBytes; at += chunkBytes) chunks += chunk(body.slice(at, at + chunkBytes));
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

/** From less than a segment to more than the proxy's read buffer. */
const answers: readonly string[] = [
  answer('length', 1, 1),
  answer('length', 3_000, 1),
  answer('length', 300_000, 1),
  answer('chunked', 20, 1),
  answer('chunked', 3_000, 1_000),
  answer('chunked', 300_000, 7_000),
];

const targetPattern = /^GET \/(\d)\/(\d+)\/(end|reset) /;

/**
 * Serves the answer with the target's number up to the byte named there, then leaves in the way named there.
 */
export async function startCutter(): Promise<{ port: number; server: Server }> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const match = targetPattern.exec(bytes.toString('latin1'));
      if (match === null) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const cut = (answers[Number(match[1])] ?? '').slice(0, Number(match[2]));
      const leave = () => (match[3] === 'end' ? socket.end() : socket.resetAndDestroy());
      if (cut === '') leave();
      else socket.write(cut, leave);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { port: address !== null && typeof address === 'object' ? address.port : 0, server };
}

export function drawCut(random: Random): string {
  const index = random.nextUint32() % answers.length;
  const at = random.nextUint32() % (answers[index] as string).length;
  return `/${index}/${at}/${random.nextUint32() % 2 === 0 ? 'end' : 'reset'}`;
}

/** Targets of the answers that are not cut at all. */
export const wholeAnswers: readonly string[] = answers.map((text, index) => `/${index}/${text.length}/end`);

/**
 * Whether the client sees that the answer is not whole: a cut connection or the proxy's 502, and not silence.
 */
export async function isSeenAsIncomplete(port: number, target: string): Promise<boolean> {
  const signal = new Signal();
  const client = new WireClient(port, ['GET'], signal.notify);
  client.socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
  const isOver = await signal.within(() => client.ended || client.finals().length > 0, hangMs);
  const [final] = client.finals();
  client.socket.destroy();
  return isOver && (final === undefined || final.status === 502);
}

/** The targets among so many random cuts whose answers a client took for whole, or waited for in vain. */
export async function findUnseenCuts(port: number, cuts: number, random: Random): Promise<string[]> {
  const targets = Array.from({ length: cuts }, () => drawCut(random));
  const unseen: string[] = [];
  const work = async (): Promise<void> => {
    for (let target = targets.pop(); target !== undefined; target = targets.pop())
      if (!(await isSeenAsIncomplete(port, target))) unseen.push(target);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return unseen;
}
