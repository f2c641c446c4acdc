// Runs the open-loop generator as its own process on the load core.
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runToEnd } from '../process/children.ts';

export interface OpenLoopRequest {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second, sent whether or not earlier ones were answered. */
  readonly rate: number;
}

export interface OpenLoopResult {
  readonly requests: number;
  /** Of them those whose latency is in the figures. */
  readonly counted: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
  /** True when the proxy fell so far behind that the run was given up. */
  readonly overloaded: boolean;
  /** The longest time by which the generator itself was late, microseconds. */
  readonly lateUsMax: number;
}

const program = fileURLToPath(new URL('./open-loop-process.ts', import.meta.url));

/** @throws when the generator fails */
export async function loadOpenLoop(request: OpenLoopRequest, cores: string | null): Promise<OpenLoopResult> {
  const output = await runToEnd([process.execPath, program, JSON.stringify(request)], cores);
  return JSON.parse(output) as OpenLoopResult;
}
