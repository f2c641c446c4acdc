// Which control API a command talks to, and what it shows there: as its options say, else as the environment
// says, else the Crossover that this user runs on this machine.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { fileFault } from '#src/base/file-fault.ts';
import { type LocalInstance, localInstances } from '#src/base/local-instance.ts';
import type { Config } from '#src/config/config.ts';
import { isWildcard } from '#src/config/net-address.ts';
import { CliError, type CliIo, exitCodes } from './cli-io.ts';
import { formatConfigProblems } from './config-problems.ts';
import { controlAddressText } from './control-address.ts';
import type { HttpPlace } from './http-call.ts';

const defaultControlUrl = 'http://127.0.0.1:9900';
const socketPrefix = 'unix:';

export interface TargetOptions {
  readonly url?: string;
  readonly socket?: string;
  readonly config?: string;
  readonly tokenFile?: string;
}

export interface ControlTarget {
  /** As people write it. */
  readonly address: string;
  readonly place: HttpPlace;
  readonly token: string | null;
}

/** @throws CliError when options contradict each other, are wrong, or several run here and none is named */
export async function controlTarget(options: TargetOptions, io: CliIo): Promise<ControlTarget> {
  const instances = localInstances(io.env);
  const given = shownToken(options, io);
  const address = explicitAddress(options, io);
  if (options.config !== undefined) return configuredTarget(options.config, instances, given, io);
  if (address !== null) {
    const instance = instances.find(({ control }) => control.some(({ url }) => url === address)) ?? null;
    return targetAt(address, instance, given ?? (await tokenOf(instance, io)));
  }
  const instance = chooseInstance(instances);
  if (instance === null) return targetAt(defaultControlUrl, null, given);
  return targetAt(addressOf(instance), instance, given ?? (await tokenOf(instance, io)));
}

function explicitAddress({ url, socket, config }: TargetOptions, io: CliIo): string | null {
  const named = [url, socket, config].filter((option) => option !== undefined);
  if (named.length > 1)
    throw new CliError(
      '--url, --socket and --config are different places',
      exitCodes.badUsage,
      'Give one of them.',
    );
  if (socket !== undefined) return `${socketPrefix}${resolve(socket)}`;
  const text = url ?? (config === undefined ? io.env.CROSSOVER_URL || null : null);
  return text === null ? null : checkedAddress(text);
}

function checkedAddress(text: string): string {
  if (text.startsWith(socketPrefix) && text.length > socketPrefix.length)
    return `${socketPrefix}${resolve(text.slice(socketPrefix.length))}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '');
  throw new CliError(
    `"${text}" is not the address of a control API`,
    exitCodes.badUsage,
    `Examples: --url ${defaultControlUrl}, --url unix:/run/crossover/control.sock`,
  );
}

function targetAt(address: string, instance: LocalInstance | null, token: string | null): ControlTarget {
  if (address.startsWith(socketPrefix))
    return { address, place: { kind: 'socket', path: address.slice(socketPrefix.length) }, token };
  const certificate = instance?.control.find(({ url }) => url === address)?.certificate ?? null;
  return { address, place: { kind: 'url', url: new URL(address), certificate }, token };
}

/** What the user says; null when he says nothing. */
function shownToken({ tokenFile }: TargetOptions, io: CliIo): string | null {
  if (tokenFile === undefined) return io.env.CROSSOVER_TOKEN || null;
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    throw new CliError(`cannot read the token file ${tokenFile}: ${fileFault(error)}`, exitCodes.badUsage);
  }
}

/** The one that runs here; that of this folder where there are several; null when there is none. */
function chooseInstance(instances: readonly LocalInstance[]): LocalInstance | null {
  const here = instances.filter(({ workingDirectory }) => workingDirectory === process.cwd());
  const [first, second] = here.length > 0 ? here : instances;
  if (first === undefined) return null;
  if (second === undefined) return first;
  const list = instances.map((one) => `${addressOf(one)} (process ${one.pid}, ${one.configFile})`);
  throw new CliError(
    `several Crossovers run here: ${list.join(', ')}`,
    exitCodes.badUsage,
    'Say which one is meant by --url, --socket or --config.',
  );
}

/** A socket is the surest: nobody else can be behind it. */
function addressOf({ control }: LocalInstance): string {
  const socket = control.find(({ url }) => url.startsWith(socketPrefix));
  return (socket ?? control[0])?.url ?? defaultControlUrl;
}

/** The token that was made for this user, or that of the configuration, where this user can read it. */
async function tokenOf(instance: LocalInstance | null, io: CliIo): Promise<string | null> {
  if (instance === null) return null;
  if (instance.tokenFile !== null) return readQuietly(instance.tokenFile);
  const loaded = await loadConfig(instance.configFile, io);
  return loaded.ok ? loaded.config.control.token : null;
}

function readQuietly(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

/** Loaded when it is needed: most commands ask for no configuration. */
async function loadConfig(file: string, io: CliIo) {
  const { loadConfigFile } = await import('#src/config/load.ts');
  return loadConfigFile(file, io.env);
}

/** That of the process which runs with the file, else as the file says. */
async function configuredTarget(
  file: string,
  instances: readonly LocalInstance[],
  given: string | null,
  io: CliIo,
): Promise<ControlTarget> {
  const instance = instances.find(({ configFile }) => configFile === resolve(file));
  if (instance !== undefined)
    return targetAt(addressOf(instance), instance, given ?? (await tokenOf(instance, io)));
  const loaded = await loadConfig(file, io);
  if (!loaded.ok)
    throw new CliError(
      `${file} is not a valid configuration\n${formatConfigProblems(loaded.problems).trimEnd()}`,
      exitCodes.badUsage,
    );
  const { config } = loaded;
  return targetAt(configuredAddress(config), null, given ?? (await configuredToken(config)));
}

function configuredAddress({ listen }: Config): string {
  const [listener] = listen.control.toSorted((a, b) => (a.kind === b.kind ? 0 : a.kind === 'unix' ? -1 : 1));
  if (listener === undefined) return defaultControlUrl;
  const isEverywhere = listener.kind === 'tcp' && isWildcard(listener.host);
  return controlAddressText(isEverywhere ? { ...listener, host: '127.0.0.1' } : listener);
}

async function configuredToken({ control, store }: Config): Promise<string | null> {
  if (control.token !== null || control.tokens !== null) return control.token;
  const { madeTokenFile } = await import('#src/control-plane/access/made-token.ts');
  const file = madeTokenFile(store.sqlite);
  return file === null ? null : readQuietly(file);
}
