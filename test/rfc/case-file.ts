// Reads the plain-text wire cases in cases/*.wire: what the client sends, what the upstream answers, what
// must come of it. The format is described in README.md beside this file.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { decodeWireText } from '../support/wire-text.ts';

/** Which proxy instance a case runs on: they differ in timeouts, limits and weight. */
export type Profile = 'main' | 'limits' | 'y' | 'slow client' | 'slow answer' | 'slow body' | 'slow y';

export type Step =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  | { readonly kind: 'reply'; readonly bytes: Buffer }
  | { readonly kind: 'do'; readonly action: string; readonly argument: string };

export interface Served {
  readonly cluster: 'x' | 'y' | null;
  readonly method: string;
  readonly target: string;
  readonly body: Buffer | null;
}

export interface Response {
  readonly statuses: readonly number[];
  readonly body: Buffer | null;
}

export interface FieldRule {
  readonly name: string;
  /** Null: the field must be there, whatever its value. */
  readonly value: string | null;
}

/** One way a case may end. Everything in it must hold. */
export interface Outcome {
  /** Statuses a refusal may carry; null when the case is not to be refused. */
  refuse: readonly number[] | null;
  readonly serve: Served[];
  /** Nothing may reach the upstream. */
  unserved: boolean;
  /** The client, which left, gets no answer. */
  unanswered: boolean;
  readonly responses: Response[];
  readonly interim: number[];
  /** State of the client's connection afterwards; null when it does not matter. */
  connection: 'closed' | 'open' | 'truncated' | 'tunnel' | null;
  readonly upstreamHas: FieldRule[];
  readonly upstreamLacks: string[];
  readonly upstreamBytes: Buffer[];
  readonly clientHas: FieldRule[];
  readonly clientLacks: string[];
  readonly clientBytes: Buffer[];
}

export interface WireCase {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly profile: Profile;
  /** Product behaviour beyond the RFCs: judged on Crossover only. */
  readonly productOnly: boolean;
  /** Methods of the requests in order, for the framing of the responses. */
  readonly methods: readonly string[];
  readonly steps: readonly Step[];
  readonly ok: readonly Outcome[];
  readonly loose: readonly Outcome[];
}

interface RawCase {
  name: string;
  line: number;
  lines: { readonly text: string; readonly line: number }[];
}

const emptyOutcome = (): Outcome => ({
  refuse: null,
  serve: [],
  unserved: false,
  unanswered: false,
  responses: [],
  interim: [],
  connection: null,
  upstreamHas: [],
  upstreamLacks: [],
  upstreamBytes: [],
  clientHas: [],
  clientLacks: [],
  clientBytes: [],
});

function splitCases(text: string): RawCase[] {
  const cases: RawCase[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('=== ')) cases.push({ name: line.slice(4), line: index + 1, lines: [] });
    else if (line !== '' && !line.startsWith('#')) cases.at(-1)?.lines.push({ text: line, line: index + 1 });
  }
  return cases;
}

/** `for name | a | b` lines make one case per value, over all combinations. */
function expandVariables(raw: RawCase): RawCase[] {
  const loops = raw.lines.filter(({ text }) => text.startsWith('for '));
  let expanded: RawCase[] = [{ ...raw, lines: raw.lines.filter(({ text }) => !text.startsWith('for ')) }];
  for (const { text } of loops) {
    const [head = '', ...values] = text.slice(4).split(' | ');
    const replace = (from: string, value: string) => from.replaceAll(`$${head.trim()}`, () => value);
    expanded = expanded.flatMap((one) =>
      values.map((value) => ({
        ...one,
        name: one.name.includes(`$${head.trim()}`) ? replace(one.name, value) : `${one.name}: ${value}`,
        lines: one.lines.map((line) => ({ ...line, text: replace(line.text, value) })),
      })),
    );
  }
  return expanded;
}

const parseStatuses = (text: string): number[] => text.split('|').map((status) => Number(status));

function parseField(text: string): FieldRule {
  const colon = text.indexOf(':');
  if (colon < 0) return { name: text.toLowerCase(), value: null };
  const value = decodeWireText(text.slice(colon + 1).trim()).toString('latin1');
  return { name: text.slice(0, colon).toLowerCase(), value };
}

function parseBody(words: string): Buffer | null {
  const at = words.indexOf('body=');
  return at < 0 ? null : decodeWireText(words.slice(at + 5));
}

function parseServed(argument: string): Served {
  const words = argument.split(' ');
  const cluster = words[0] === 'x' || words[0] === 'y' ? words.shift() : undefined;
  const [method = '', target = ''] = words;
  return {
    cluster: cluster === 'x' || cluster === 'y' ? cluster : null,
    method,
    target: decodeWireText(target).toString('latin1'),
    body: parseBody(argument),
  };
}

function addCondition(outcome: Outcome, text: string): void {
  const [verb = '', ...rest] = text.split(' ');
  const argument = rest.join(' ');
  const subject = rest[0] ?? '';
  const object = rest.slice(1).join(' ');
  switch (verb) {
    case 'refuse':
      outcome.refuse = argument === '' ? [400] : parseStatuses(argument);
      return;
    case 'serve':
      outcome.serve.push(parseServed(argument));
      return;
    case 'unserved':
      outcome.unserved = true;
      return;
    case 'unanswered':
      outcome.unanswered = true;
      return;
    case 'response':
      outcome.responses.push({ statuses: parseStatuses(subject), body: parseBody(argument) });
      return;
    case 'interim':
      outcome.interim.push(Number(argument));
      return;
    case 'closed':
    case 'open':
    case 'truncated':
    case 'tunnel':
      outcome.connection = verb;
      return;
    case 'upstream':
      if (subject === 'has') outcome.upstreamHas.push(parseField(object));
      else if (subject === 'lacks') outcome.upstreamLacks.push(object.toLowerCase());
      else if (subject === 'bytes') outcome.upstreamBytes.push(decodeWireText(object));
      else throw new Error(`unknown condition: ${text}`);
      return;
    case 'client':
      if (subject === 'has') outcome.clientHas.push(parseField(object));
      else if (subject === 'lacks') outcome.clientLacks.push(object.toLowerCase());
      else if (subject === 'bytes') outcome.clientBytes.push(decodeWireText(object));
      else throw new Error(`unknown condition: ${text}`);
      return;
    default:
      throw new Error(`unknown condition: ${text}`);
  }
}

/** Lines of one prefix; `or` starts the next alternative. */
function parseOutcomes(lines: readonly string[]): Outcome[] {
  if (lines.length === 0) return [];
  const outcomes = [emptyOutcome()];
  for (const line of lines) {
    if (line === 'or') outcomes.push(emptyOutcome());
    else addCondition(outcomes.at(-1) as Outcome, line);
  }
  return outcomes;
}

/** `> text` is a line with CRLF, `>> text` bytes as they are; the same with `<` for the upstream. */
function parseBytesLine(text: string): { kind: 'send' | 'reply'; bytes: Buffer } | null {
  const match = /^(>>?|<<?)(?: (.*))?$/s.exec(text);
  if (match === null) return null;
  const mark = match[1] as string;
  const lineEnd = mark.length === 1 ? '\\r\\n' : '';
  return { kind: mark[0] === '>' ? 'send' : 'reply', bytes: decodeWireText((match[2] ?? '') + lineEnd) };
}

function parseSteps(lines: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (const line of lines) {
    if (line.startsWith('-- ')) {
      const [action = '', ...rest] = line.slice(3).split(': ');
      steps.push({ kind: 'do', action, argument: rest.join(': ') });
      continue;
    }
    const piece = parseBytesLine(line);
    if (piece === null) continue;
    const last = steps.at(-1);
    if (last !== undefined && last.kind === piece.kind) {
      steps[steps.length - 1] = { kind: piece.kind, bytes: Buffer.concat([last.bytes, piece.bytes]) };
    } else steps.push(piece);
  }
  return steps;
}

const settingPattern = /^(profile|methods|product)(?: (.*))?$/;
const knownLine = /^(>|<|-- |= |~ |profile |methods |product$)/;

function parseCase(raw: RawCase, file: string): WireCase {
  const lines = raw.lines.map(({ text }) => text);
  const unknown = raw.lines.find(({ text }) => !knownLine.test(text));
  if (unknown !== undefined) throw new Error(`${file}:${unknown.line}: not understood: ${unknown.text}`);
  const settings = new Map<string, string>();
  for (const line of lines) {
    const match = settingPattern.exec(line);
    if (match !== null) settings.set(match[1] as string, match[2] ?? '');
  }
  const outcomesOf = (prefix: string) =>
    parseOutcomes(lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(2)));
  const ok = outcomesOf('= ');
  if (ok.length === 0) throw new Error(`${file}:${raw.line}: the case expects nothing`);
  return {
    name: raw.name,
    file,
    line: raw.line,
    profile: (settings.get('profile') ?? 'main') as Profile,
    productOnly: settings.has('product'),
    methods: settings.get('methods')?.split(' ') ?? ok[0]?.serve.map(({ method }) => method) ?? [],
    steps: parseSteps(lines),
    ok,
    loose: outcomesOf('~ '),
  };
}

/** All cases of one file. Throws with file and line when the file is malformed. */
export function readCaseFile(path: string): WireCase[] {
  const file = basename(path);
  return splitCases(readFileSync(path, 'latin1'))
    .flatMap(expandVariables)
    .map((raw) => {
      try {
        return parseCase(raw, file);
      } catch (error) {
        throw new Error(`${file}:${raw.line}: ${(error as Error).message}`);
      }
    });
}
