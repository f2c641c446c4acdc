// The open-loop generator: it sends requests at a fixed rate, whether or not earlier ones were answered, so
// that the latency of every request that is due during a stall contains the stall. To be cheap, because it
// shares its core with the backends, it uses net sockets, sends only GET and understands only answers with
// Content-Length.
import { connect, type Socket } from 'node:net';
import process from 'node:process';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { OpenLoopRequest, OpenLoopResult } from './open-loop.ts';

const tickMs = 0.05;
/** When the requests of so many seconds wait, the proxy cannot keep the rate. */
const backlogSecondsMax = 1;
/** The first part of a run, in which connections are opened, is not counted. */
const warmupShare = 0.2;
/**
 * A tick that comes later than this is the generator's own stall, ms: it was not scheduled, or collected
 * garbage.
 */
const ownStallMsMin = 2;

interface Connection {
  readonly socket: Socket;
  /** When the request on it was due, ms. */
  sentAt: number;
  counted: boolean;
  /** Body bytes still to come; -1 while the head is awaited. */
  bytesLeft: number;
}

const request = JSON.parse(process.argv[2] ?? '{}') as OpenLoopRequest;
const message = Buffer.from(`GET ${request.path} HTTP/1.1\r\nHost: bench.example\r\n\r\n`, 'latin1');
const idle: Connection[] = [];
const waiting: number[] = [];
const latenciesUs = new Uint32Array(request.rate * request.seconds + 1000);
let answered = 0;
let counted = 0;
let errors = 0;
let due = 0;
let lateMsMax = 0;
let startedAt = 0;
let countFromMs = 0;

function openConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafeSlow(64 * 1024);
    const socket = connect({
      host: '127.0.0.1',
      port: request.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (byteCount) => {
          received(connection, buffer, byteCount);
          return true;
        },
      },
    });
    const connection: Connection = { socket, sentAt: 0, counted: false, bytesLeft: -1 };
    socket.once('connect', () => {
      idle.push(connection);
      resolve();
    });
    socket.once('error', (error) => {
      errors += 1;
      reject(error);
    });
    socket.once('close', () => {
      errors += 1;
    });
  });
}

function received(connection: Connection, buffer: Buffer, byteCount: number): void {
  if (connection.bytesLeft === -1) {
    const head = buffer.toString('latin1', 0, Math.min(byteCount, 4096));
    const headBytes = head.indexOf('\r\n\r\n') + 4;
    const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (headBytes < 4 || contentLength === undefined) throw new Error(`cannot read the answer: ${head}`);
    if (!head.startsWith('HTTP/1.1 200')) errors += 1;
    connection.bytesLeft = Number(contentLength) - (byteCount - headBytes);
  } else {
    connection.bytesLeft -= byteCount;
  }
  if (connection.bytesLeft === 0) finished(connection);
}

function finished(connection: Connection): void {
  const now = performance.now();
  answered += 1;
  if (connection.counted) latenciesUs[counted++] = (now - connection.sentAt) * 1000;
  connection.bytesLeft = -1;
  const dueAt = waiting.shift();
  if (dueAt === undefined) idle.push(connection);
  else send(connection, dueAt);
}

function send(connection: Connection, dueAt: number): void {
  connection.sentAt = dueAt;
  connection.counted = dueAt >= countFromMs;
  connection.socket.write(message);
}

/** Sends what is due. A request that has to wait for a connection keeps the time it was due at. */
function tick(): void {
  const now = performance.now();
  const dueByNow = Math.floor(((now - startedAt) / 1000) * request.rate);
  if (dueByNow > due) noteLateness(now, now - startedAt - (due * 1000) / request.rate);
  for (; due < dueByNow; due++) {
    const connection = idle.pop();
    if (connection === undefined) waiting.push(now);
    else send(connection, now);
  }
  const overloaded = waiting.length > request.rate * backlogSecondsMax;
  if (overloaded || now - startedAt > request.seconds * 1000) report(overloaded);
}

/**
 * After a stall of the generator everything that fell due leaves at once, a burst that no independent clients
 * would send. At half load it takes as long again to be served, and longer where others use the cores: until
 * then nothing counts.
 */
function noteLateness(now: number, lateMs: number): void {
  lateMsMax = Math.max(lateMsMax, lateMs);
  if (lateMs > ownStallMsMin) countFromMs = Math.max(countFromMs, now + 3 * lateMs);
}

function report(overloaded: boolean): void {
  const sorted = latenciesUs.subarray(0, counted).sort();
  const at = (share: number) => sorted[Math.min(counted - 1, Math.floor(counted * share))] ?? 0;
  const result: OpenLoopResult = {
    requests: answered,
    counted,
    p50Us: at(0.5),
    p99Us: at(0.99),
    errors,
    overloaded: overloaded || waiting.length > request.rate / 10,
    lateUsMax: Math.round(lateMsMax * 1000),
  };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

for (let opened = 0; opened < request.connections; opened++) await openConnection();
startedAt = performance.now();
countFromMs = startedAt + request.seconds * 1000 * warmupShare;
const { port1, port2 } = new MessageChannel();
port1.on('message', tick);
new Worker(new URL('./ticker-thread.ts', import.meta.url), {
  workerData: { port: port2, tickMs },
  transferList: [port2],
});
