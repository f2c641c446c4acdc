// A client of the control API for commands. Failures become sentences that say what to do.
import type { Command } from 'commander';
import { fileFault } from '#src/base/file-fault.ts';
import { visibleData } from '#src/base/visible-text.ts';
import { CliError, type CliIo, exitCodes } from './cli-io.ts';
import { type ControlTarget, controlTarget, type TargetOptions } from './control-target.ts';
import { weight } from './figures.ts';
import { type HttpAnswer, type HttpCall, HttpTimeout, httpCall } from './http-call.ts';

/** How long an answer may take. The API answers from memory or a database on the same machine. */
const answerMsMax = 10_000;

/** Options of every command that talks to a running Crossover. */
export interface ControlOptions extends TargetOptions {
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
  /** Where the token's role is too small. */
  readonly requiredRole?: string;
  /** The present split, where a change of it was refused. */
  readonly current?: { readonly y?: unknown };
}

/** What was asked for does not exist, or the API of an older version does not have the path. */
export class NotFoundError extends CliError {}

/**
 * There was no answer: the connection was refused or cut, or the address is unreachable. `rollout start
 * --wait` goes on after it.
 */
export class UnreachableError extends CliError {}

/** Adds the options that say where the control API is, `--token-file` and `--json` to a command. */
export function addControlOptions(command: Command): Command {
  return command
    .option('--url <url>', 'control API (default: $CROSSOVER_URL, or the Crossover that runs here)')
    .option('--socket <path>', 'control API, by its Unix socket')
    .option('--config <file>', 'control API of this configuration')
    .option('--token-file <file>', 'file with the control token (or set CROSSOVER_TOKEN)')
    .option('--json', 'print JSON');
}

export interface OverrideOptions {
  readonly override?: boolean;
  readonly force?: boolean;
}

/** Adds `--override` to a command that can give Y a larger share. */
export function addOverride(command: Command): Command {
  return command.option('--override', 'even while frozen or outside the change windows; the record says so');
}

/** Adds `--force` to a command that can send everything to X. */
export function addForce(command: Command): Command {
  return command.option('--force', 'even when X has no healthy node and Y has; the record says so');
}

/** The body that most commands send, with the members whose options were given. */
export const reasonOf = ({
  reason,
  override,
  force,
}: OverrideOptions & { readonly reason?: string }): { reason?: string; override?: true; force?: true } => ({
  ...(reason === undefined ? {} : { reason }),
  ...(override === true ? { override } : {}),
  ...(force === true ? { force } : {}),
});

/**
 * A client for the options and environment of one command. Where that is, and what is wrong with them, shows
 * with the first call.
 */
export function createControlClient(options: ControlOptions, io: CliIo): ControlClient {
  let target: Promise<ControlTarget> | null = null;
  let address = '';
  const call = async <Body>(wanted: Omit<HttpCall, 'timeoutMs'>): Promise<Answer<Body>> => {
    target ??= controlTarget(options, io);
    const found = await target;
    address = found.address;
    const { token } = found;
    const headers = {
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(io.env.CROSSOVER_ACTOR ? { 'x-crossover-actor': io.env.CROSSOVER_ACTOR } : {}),
      ...wanted.headers,
    };
    const answer = await reach(found, { ...wanted, headers, timeoutMs: answerMsMax });
    return understand<Body>(answer, address, token !== null);
  };
  return {
    get url() {
      return address;
    },
    get: (path) => call({ method: 'GET', path, headers: {} }),
    send: (method, path, body, headers = {}) =>
      call({
        method,
        path,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
  };
}

async function reach({ address, place }: ControlTarget, call: HttpCall): Promise<HttpAnswer> {
  try {
    return await httpCall(place, call);
  } catch (error) {
    throw unreachable(address, error);
  }
}

function unreachable(address: string, error: unknown): UnreachableError {
  const { code, message } = error as NodeJS.ErrnoException;
  const what =
    code === 'ECONNREFUSED' || code === 'ENOENT'
      ? `nothing listens on ${address}`
      : error instanceof HttpTimeout
        ? `${address} did not answer within ${answerMsMax / 1000} s`
        : `${address} cannot be reached: ${code === 'EACCES' ? fileFault(error) : message}`;
  return new UnreachableError(
    what,
    exitCodes.failed,
    'Is Crossover running there? Start it with `crossover serve --config FILE`, or point --url (or CROSSOVER_URL) at its control address.',
  );
}

function understand<Body>(
  { status, headers, text }: HttpAnswer,
  url: string,
  hasToken: boolean,
): Answer<Body> {
  const body = parseJson(text);
  const isDone = status >= 200 && status < 300;
  if (isDone && body !== undefined) return { body: body as Body, etag: headers.etag ?? null };
  if (body === undefined || body === null || typeof body !== 'object') {
    const advice =
      'Point --url at the control address (`listen.control` in the configuration), not at the proxy.';
    throw new CliError(`${url} answered ${status}, but not as Crossover does`, exitCodes.failed, advice);
  }
  throw refused(status, body as Problem, hasToken);
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
  // The API names a member of the body; on the command line it is an option.
  const words = detail.replace('"override": true', '--override');
  if (status === 401) {
    const what = hasToken ? 'the control API refused the token' : 'the control API wants a token';
    const advice =
      'Set CROSSOVER_TOKEN, or pass --token-file FILE: `control.token` of the configuration, one of `control.tokens`, or the file control-token beside the store.';
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

function adviceFor(status: number, { current, requiredRole }: Problem): string | null {
  switch (status) {
    case 403:
      return requiredRole === undefined ? null : `Use a token with the role ${requiredRole}.`;
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
