// An independent oracle for what a byte stream means: parses requests or responses by the letter of RFC 9112,
// slowly and with nothing in common with the proxy's codec. Whatever it refuses is ambiguous to somebody.

export interface WireMessage {
  readonly startLine: string;
  /** Requests: method and target; responses: empty. */
  readonly method: string;
  readonly target: string;
  /** Responses: status code; requests: 0. */
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  body: Buffer[];
  readonly trailers: (readonly [name: string, value: string])[];
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close';
  complete: boolean;
  /** Requests only: whether somebody has taken the message to answer it. */
  taken: boolean;
}

export const fieldValues = (message: WireMessage, name: string): string[] =>
  message.fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

export const bodyOf = (message: WireMessage): Buffer => Buffer.concat(message.body);

const fieldLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*$/;
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/;
const statusLine = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: ([\t -~\x80-\xff]*))?$/;
const chunkLine = /^([0-9A-Fa-f]{1,13})([ \t]*;[\t -~\x80-\xff]*)?$/;

type Phase =
  | 'head'
  | 'length'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'tunnel';

/** Parses what arrives in pieces; `problem` is set at the first byte that is not plain HTTP/1.1. */
export class StrictStream {
  readonly messages: WireMessage[] = [];
  problem: string | null = null;
  /** Bytes of a message that has begun but whose head is not complete. */
  pending: Buffer = Buffer.alloc(0);
  phase: Phase = 'head';
  readonly tunnelBytes: Buffer[] = [];
  readonly #kind: 'request' | 'response';
  readonly #methods: readonly string[];
  #finalCount = 0;
  #left = 0;

  /** `methods` are those of the requests the responses belong to, in order; GET where it has none. */
  constructor(kind: 'request' | 'response', methods: readonly string[] = []) {
    this.#kind = kind;
    this.#methods = methods;
  }

  get current(): WireMessage | null {
    const last = this.messages.at(-1);
    return last !== undefined && !last.complete ? last : null;
  }

  push(bytes: Buffer): void {
    if (this.problem !== null) return;
    this.pending = this.pending.length === 0 ? bytes : Buffer.concat([this.pending, bytes]);
    while (this.problem === null && this.pending.length > 0 && this.#advance()) {}
  }

  /** The sender closed its side. Returns whether the stream ended between messages. */
  end(): boolean {
    const current = this.current;
    if (this.phase === 'until-close' && current !== null) {
      current.complete = true;
      this.phase = 'head';
    }
    return this.current === null && this.pending.length === 0;
  }

  #take(count: number): Buffer {
    const taken = this.pending.subarray(0, count);
    this.pending = this.pending.subarray(count);
    return taken;
  }

  #takeLine(): string | null {
    const end = this.pending.indexOf('\n');
    if (end < 0) return null;
    const line = this.#take(end + 1).toString('latin1');
    if (line.endsWith('\r\n') && !line.slice(0, -2).includes('\r')) return line.slice(0, -2);
    this.problem = `line without plain CRLF: ${JSON.stringify(line.slice(0, 80))}`;
    return null;
  }

  #fail(problem: string): false {
    this.problem = problem;
    return false;
  }

  #advance(): boolean {
    switch (this.phase) {
      case 'head':
        return this.#head();
      case 'length':
      case 'chunk-data':
        return this.#counted();
      case 'chunk-size':
        return this.#chunkSize();
      case 'chunk-end':
        return this.#chunkEnd();
      case 'trailers':
        return this.#trailer();
      case 'until-close':
        this.current?.body.push(this.#take(this.pending.length));
        return false;
      case 'tunnel':
        this.tunnelBytes.push(this.#take(this.pending.length));
        return false;
    }
  }

  #head(): boolean {
    const end = this.pending.indexOf('\r\n\r\n');
    const bareEnd = this.pending.indexOf('\n\n');
    if (bareEnd >= 0 && (end < 0 || bareEnd < end)) return this.#fail('bare LF in a head');
    if (end < 0) return false;
    const lines = this.#take(end + 4)
      .toString('latin1')
      .slice(0, -4)
      .split('\r\n');
    const startLine = lines.shift() ?? '';
    const fields: [string, string][] = [];
    for (const line of lines) {
      const match = fieldLine.exec(line);
      if (match === null) return this.#fail(`bad field line ${JSON.stringify(line.slice(0, 80))}`);
      fields.push([match[1] as string, match[2] as string]);
    }
    return this.#kind === 'request' ? this.#request(startLine, fields) : this.#response(startLine, fields);
  }

  #request(startLine: string, fields: [string, string][]): boolean {
    const match = requestLine.exec(startLine);
    if (match === null) return this.#fail(`bad request line ${JSON.stringify(startLine.slice(0, 80))}`);
    const hosts = fields.filter(([name]) => name.toLowerCase() === 'host').length;
    if (hosts !== 1 && !(match[3] === '0' && hosts === 0)) return this.#fail(`${hosts} Host fields`);
    const [, method = '', target = '', minor] = match;
    return this.#begin({ startLine, method, target, status: 0, fields }, false, minor === '0');
  }

  #response(startLine: string, fields: [string, string][]): boolean {
    const match = statusLine.exec(startLine);
    if (match === null) return this.#fail(`bad status line ${JSON.stringify(startLine.slice(0, 80))}`);
    const status = Number(match[1]);
    const method = this.#methods[this.#finalCount] ?? 'GET';
    const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    const began = this.#begin({ startLine, method: '', target: '', status, fields }, bodiless, false);
    if (status === 101) this.phase = 'tunnel';
    if (status >= 200) this.#finalCount++;
    return began;
  }

  #begin(
    head: Pick<WireMessage, 'startLine' | 'method' | 'target' | 'status' | 'fields'>,
    bodiless: boolean,
    old: boolean,
  ): boolean {
    const values = (wanted: string) =>
      head.fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
    const lengths = values('content-length');
    const codings = values('transfer-encoding');
    if (codings.length > 0 && (lengths.length > 0 || old || codings.join().toLowerCase() !== 'chunked'))
      return this.#fail(
        `ambiguous framing: Transfer-Encoding ${codings.join()} with Content-Length ${lengths}`,
      );
    if (lengths.length > 1 || !/^(\d{1,15})?$/.test(lengths[0] ?? ''))
      return this.#fail(`bad Content-Length ${lengths.join()}`);
    const length = lengths.length === 1 ? Number(lengths[0]) : null;
    let framing: WireMessage['framing'] = 'none';
    if (!bodiless && codings.length > 0) framing = 'chunked';
    else if (!bodiless && length !== null) framing = 'length';
    else if (!bodiless && this.#kind === 'response') framing = 'until-close';
    const message: WireMessage = { ...head, body: [], trailers: [], framing, complete: false, taken: false };
    this.messages.push(message);
    this.#left = length ?? 0;
    this.phase = 'head';
    if (framing === 'chunked') this.phase = 'chunk-size';
    else if (framing === 'until-close') this.phase = 'until-close';
    else if (framing === 'length' && this.#left > 0) this.phase = 'length';
    else message.complete = true;
    return true;
  }

  #counted(): boolean {
    const piece = this.#take(Math.min(this.#left, this.pending.length));
    this.#left -= piece.length;
    this.current?.body.push(piece);
    if (this.#left > 0) return false;
    if (this.phase === 'chunk-data') this.phase = 'chunk-end';
    else this.#finish();
    return true;
  }

  #chunkSize(): boolean {
    const line = this.#takeLine();
    if (line === null) return false;
    const match = chunkLine.exec(line);
    if (match === null) return this.#fail(`bad chunk size line ${JSON.stringify(line.slice(0, 80))}`);
    this.#left = Number.parseInt(match[1] as string, 16);
    this.phase = this.#left === 0 ? 'trailers' : 'chunk-data';
    return true;
  }

  #chunkEnd(): boolean {
    const line = this.#takeLine();
    if (line === null) return false;
    if (line !== '') return this.#fail(`bytes after chunk data: ${JSON.stringify(line.slice(0, 80))}`);
    this.phase = 'chunk-size';
    return true;
  }

  #trailer(): boolean {
    const line = this.#takeLine();
    if (line === null) return false;
    if (line === '') {
      this.#finish();
      return true;
    }
    const match = fieldLine.exec(line);
    if (match === null) return this.#fail(`bad trailer ${JSON.stringify(line.slice(0, 80))}`);
    this.current?.trailers.push([match[1] as string, match[2] as string]);
    return true;
  }

  #finish(): void {
    const current = this.current;
    if (current !== null) current.complete = true;
    this.phase = 'head';
  }
}
