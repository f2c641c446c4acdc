// The tokens that are valid now: the configured one, the named ones of the file, and the made one where
// neither is configured. Compared in constant time, over hashes, so that neither a token's content nor its
// length shows in the time an answer takes.

import crypto, { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileFault } from '#src/base/file-fault.ts';
import { FileWatch } from '#src/base/file-watch.ts';
import type { Config } from '#src/config/config.ts';
import type { Role } from '#src/config/control-config.ts';
import { type NamedToken, parseTokenFile, secretFileObjection } from '#src/config/token-file.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import { tokenCharactersMin } from '#src/limits.ts';
import { madeTokenFile, takeMadeToken } from './made-token.ts';
import type { Principal } from './principal.ts';

/**
 * A disk that does not answer within this must not keep operators from a revert: then the token is made
 * elsewhere.
 */
const tokenFileMsMax = 2_000;

interface CredentialsOptions {
  readonly config: () => Pick<Config, 'control' | 'store'>;
  readonly events: Pick<EventLog, 'add'>;
  /** Folder of this user for what lasts as long as the process; null: none. */
  readonly runtimeFolder: string | null;
}

interface Valid extends Principal {
  readonly digest: Buffer;
}

export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #watch: FileWatch<readonly NamedToken[]>;
  #named: readonly NamedToken[] = [];
  /** Whether the named ones were read before; their first reading is no news. */
  #hasRead = false;
  /** Two where a disk that did not answer did so later. */
  #made: readonly { readonly token: string; readonly file: string }[] = [];
  #making: Promise<void> | null = null;
  #toldUnwritten = '';

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#watch = new FileWatch({
      files: () => [options.config().control.tokens ?? ''],
      read: ([text = ''], [file = '']) => readTokens(text, file),
      taken: (tokens) => this.#take(tokens),
      refused: (reason) => this.#refuse(reason),
    });
  }

  /** Where the made token is; null when there is none. */
  get madeTokenFile(): string | null {
    return this.#needsMade ? (this.#made[0]?.file ?? null) : null;
  }

  /** Whose token it is; null when it is nobody's. Takes the same time for every token that is none. */
  principalOf(token: string): Principal | null {
    const given = digestOf(token);
    let found: Principal | null = null;
    for (const { digest, name, role } of this.#valid())
      if (crypto.timingSafeEqual(given, digest)) found = { name, role };
    return found;
  }

  /** Role of the tokens of that name; null when there is none. */
  roleOf(name: string): Role | null {
    return this.#named.find((token) => token.name === name)?.role ?? null;
  }

  /**
   * Reads the files, and makes a token where one is needed. Resolves when that is known, or a disk does not
   * answer.
   */
  async look(): Promise<void> {
    const { tokens } = this.#options.config().control;
    if (tokens === null) this.#named = [];
    else await Promise.race([this.#watch.look(), after(tokenFileMsMax)]);
    if (this.#needsMade && this.#made.length === 0) await this.#make();
  }

  get #needsMade(): boolean {
    const { token, tokens } = this.#options.config().control;
    return token === null && tokens === null;
  }

  *#valid(): Generator<Valid> {
    const { token, tokens } = this.#options.config().control;
    if (token !== null) yield { name: 'token', role: 'admin', digest: digestOf(token) };
    if (tokens !== null)
      for (const { name, role, hash } of this.#named) yield { name, role, digest: Buffer.from(hash, 'hex') };
    if (!this.#needsMade) return;
    for (const made of this.#made) yield { name: 'local', role: 'admin', digest: digestOf(made.token) };
  }

  #take(tokens: readonly NamedToken[]): void {
    this.#named = tokens;
    const names = [...new Set(tokens.map(({ name }) => name))];
    const short = tokens.filter(({ length }) => length !== null && length < tokenCharactersMin);
    if (short.length > 0) this.#tellShort(short);
    if (this.#hasRead)
      this.#options.events.add({
        name: 'tokens-reloaded',
        text: `The tokens of the control API were read again: ${names.join(', ')}.`,
        detail: { tokens: tokens.map(({ name, role }) => ({ name, role })) },
      });
    this.#hasRead = true;
  }

  #tellShort(short: readonly NamedToken[]): void {
    this.#options.events.add({
      name: 'tokens-short',
      level: 'warn',
      text: `Tokens of fewer than ${tokenCharactersMin} characters can be guessed: ${short.map(({ name }) => name).join(', ')}.`,
    });
  }

  #refuse(reason: string): void {
    this.#options.events.add({
      name: 'tokens-refused',
      level: 'error',
      text: `The file of tokens is not used, ${this.#hasRead ? 'those read before stay' : 'none of its tokens is valid'}: ${reason}.`,
    });
  }

  /** Beside the store, or, while that disk does not answer, in the folder of this process. */
  #make(): Promise<void> {
    const { store } = this.#options.config();
    const { runtimeFolder } = this.#options;
    const beside = madeTokenFile(store.sqlite);
    const places = [beside, runtimeFolder === null ? null : join(runtimeFolder, `${process.pid}.token`)];
    this.#making ??= this.#makeIn(places.filter((place) => place !== null)).finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  async #makeIn(places: readonly string[]): Promise<void> {
    const faults: string[] = [];
    for (const place of places) {
      const taking = takeMadeToken(place).then((made) => this.#tellMade(made));
      const fault = await Promise.race([
        taking.then(
          () => null,
          (error: unknown) => fileFault(error),
        ),
        after(tokenFileMsMax).then(() => 'its disk does not answer'),
      ]);
      if (fault === null) return;
      taking.catch(() => {});
      faults.push(`${place}: ${fault}`);
    }
    this.#tellUnwritten(faults.join('; '));
  }

  #tellMade({
    token,
    file,
    isNew,
  }: {
    readonly token: string;
    readonly file: string;
    readonly isNew: boolean;
  }): void {
    this.#made = [{ token, file }, ...this.#made];
    if (!isNew) return;
    this.#options.events.add({
      name: 'control-token-made',
      text: `No token is configured, so one was made for the control API, in ${file}; the command line of this user finds it.`,
      detail: { file },
    });
  }

  /** Tried again with each look. */
  #tellUnwritten(reason: string): void {
    if (reason === this.#toldUnwritten) return;
    this.#toldUnwritten = reason;
    this.#options.events.add({
      name: 'control-token-unwritten',
      level: 'error',
      text: `No token is configured and none could be made, so the control API can't be used: ${reason}.`,
    });
  }
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

const after = (ms: number): Promise<void> => delay(ms, undefined, { ref: false });

async function readTokens(text: string, file: string): Promise<readonly NamedToken[]> {
  const ownership = await stat(file);
  const objection = secretFileObjection(ownership, process.geteuid?.() ?? 0);
  if (objection !== null) throw new Error(`${file}: ${objection}`);
  try {
    return parseTokenFile(text);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}
