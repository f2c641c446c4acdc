// Talks to the control API and turns what goes wrong on the way into plain words and what to do about it.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileFault } from '#src/base/file-fault.ts';
import { visibleData } from '#src/base/visible-text.ts';
import { CliError, type CliIo, exitCodes } from './cli-io.ts';
import { weight } from './figures.ts';

export const defaultControlUrl = 'http://127.0.0.1:9900';
/** The API answers from memory; longer means that nobody is there. */
const answerMsMax = 10_000;

/** Options of every command that talks to a running Crossover. */
export interface ControlOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** An answer of the API with its entity tag. */
export interface Answer<Body> {
  readonly body: Body;
  readonly etag: string | null;
}

export interface ControlClient {
  readonly url: string;
  get<Body>(path: string): Promise<Answer<Body>>;
  send<Body>(
    method: 'PUT' | 'POST',
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<Body>>;
}

/** RFC 9457 problem details as the API sends them. */
interface Problem {
  readonly detail?: string;
  readonly title?: string;
  readonly code?: string;
  /** The split as it is, where a change of it was refused. */
  readonly current?: { readonly y?: unknown };
}

/** What was asked for is not there: a thing without it, or a path that an older version does not have. */
export class NotFoundError extends CliError {}

/** No answer at all: refused, unreachable, or cut. `rollout start --wait` lives through it. */
export class UnreachableError extends CliError {}

/** Adds `--url`, `--token-file` and `--json` to a command. */
export function addControlOptions(command: Command): Command {
  return command
    .option('--url <url>', `control API (default: $CROSSOVER_URL, or ${defaultControlUrl})`)
    .option('--token-file <file>', 'file with the control token (or set CROSSOVER_TOKEN)')
    .option('--json', 'print JSON');
}

export interface OverrideOptions {
  readonly override?: boolean;
}

/** Adds `--override` to a command that may give Y more. */
export function addOverride(command: Command): Command {
  return command.option('--override', 'even while frozen or outside the change windows; the record says so');
}

/** What most commands send: what was given, and nothing of what was not. */
export const reasonOf = ({
  reason,
  override,
}: OverrideOptions & { readonly reason?: string }): { reason?: string; override?: true } => ({
  ...(reason === undefined ? {} : { reason }),
  ...(override === true ? { override } : {}),
});

/** A client for the options and environment of one command. */
export function createControlClient(options: ControlOptions, io: CliIo): ControlClient {
  const url = checkedUrl(options.url ?? (io.env.CROSSOVER_URL || defaultControlUrl));
  const token = readToken(options.tokenFile, io);
  const call = async <Body>(path: string, init: RequestInit): Promise<Answer<Body>> => {
    const headers = { accept: 'application/json', ...init.headers } as Record<string, string>;
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (io.env.CROSSOVER_ACTOR) headers['x-crossover-actor'] = io.env.CROSSOVER_ACTOR;
    const response = await reach(url, path, { ...init, headers });
    return understand<Body>(response, url, token !== null);
  };
  return {
    url,
    get: (path) => call(path, { method: 'GET' }),
    send: (method, path, body, headers = {}) =>
      call(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '');
  throw new CliError(
    `"${text}" is not a URL of a control API`,
    exitCodes.badUsage,
    `Example: --url ${defaultControlUrl}`,
  );
}

function readToken(file: string | undefined, io: CliIo): string | null {
  if (file === undefined) return io.env.CROSSOVER_TOKEN || null;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliError(`cannot read the token file ${file}: ${fileFault(error)}`, exitCodes.badUsage);
  }
}

async function reach(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url + path, { ...init, signal: AbortSignal.timeout(answerMsMax) });
  } catch (error) {
    throw unreachable(url, error);
  }
}

function unreachable(url: string, error: unknown): UnreachableError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  const what =
    code === 'ECONNREFUSED'
      ? `nothing listens on ${url}`
      : isTimeout
        ? `${url} did not answer within ${answerMsMax / 1000} s`
        : `${url} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new UnreachableError(
    what,
    exitCodes.failed,
    'Is Crossover running there? Start it with `crossover serve --config FILE`, or point --url (or CROSSOVER_URL) at its control address.',
  );
}

async function understand<Body>(response: Response, url: string, hasToken: boolean): Promise<Answer<Body>> {
  const text = await response.text().catch((error: unknown) => {
    throw unreachable(url, error);
  });
  const body = parseJson(text);
  if (response.ok && body !== undefined) return { body: body as Body, etag: response.headers.get('etag') };
  if (body === undefined || body === null || typeof body !== 'object') {
    const advice =
      'Point --url at the control address (`listen.control` in the configuration), not at the proxy.';
    throw new CliError(
      `${url} answered ${response.status}, but not as Crossover does`,
      exitCodes.failed,
      advice,
    );
  }
  throw refused(response.status, body as Problem, hasToken);
}

/** Answers hold what clients, nodes and other operators wrote: nothing of it may act on a terminal. */
function parseJson(text: string): unknown {
  try {
    return visibleData(JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function refused(status: number, problem: Problem, hasToken: boolean): CliError {
  const detail = problem.detail ?? problem.title ?? `the control API answered ${status}`;
  // What a member of the body is to the API is an option here.
  const words = detail.replace('"override": true', '--override');
  if (status === 401) {
    const what = hasToken ? 'the control API refused the token' : 'the control API wants a token';
    const advice =
      'Set CROSSOVER_TOKEN, or pass --token-file FILE; it is `control.token` of the configuration.';
    return new CliError(what, exitCodes.failed, advice);
  }
  const Refusal = status === 404 ? NotFoundError : CliError;
  return new Refusal(
    words,
    status === 400 || status === 422 ? exitCodes.badUsage : exitCodes.failed,
    adviceFor(status, problem),
  );
}

const nowText = (y: unknown): string => (typeof y === 'number' ? `, Y has ${weight(y)} now` : '');

function adviceFor(status: number, { current }: Problem): string | null {
  switch (status) {
    case 404:
      return 'This Crossover may be older than the command; compare `crossover --version` with `crossover status`.';
    case 409:
      return 'See `crossover status` for the phase it is in. A revert is possible in every phase of a rollout.';
    case 412:
      return `Somebody changed it in between${nowText(current?.y)}: read it again with \`crossover split get\` and decide anew.`;
    case 503:
      return 'See `crossover status`; a revert is possible even then.';
    default:
      return null;
  }
}
