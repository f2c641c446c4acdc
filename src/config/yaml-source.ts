// Reads YAML into plain data, remembers the position of every key and value, and fills `${NAME}` in texts
// from the environment. That is done after parsing, so that a variable can never add keys or list items.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { configNestingMax, configValuesMax } from '#src/limits.ts';
import { type BareReference, withoutBareReferences } from './bare-reference.ts';
import { fillEnv } from './env-fill.ts';

export type ConfigPath = readonly (string | number)[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

interface SourceProblem extends Position {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | null;
}

export interface YamlSource {
  /** Null-prototype objects, arrays, strings, numbers, booleans and null. */
  readonly value: unknown;
  readonly problems: readonly SourceProblem[];
  /** False after a syntax error: then there is no value. */
  readonly isReadable: boolean;
  /** Whether the value is a text into which a variable was filled. */
  isFilled(path: ConfigPath): boolean;
  /** Position of the value; when it is not written, of the nearest key around it. */
  positionOf(path: ConfigPath): Position;
  keyPositionOf(path: ConfigPath): Position;
  /** The scalar as it was written, such as `3.10`; null for anything else. */
  writtenAs(path: ConfigPath): string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

const keyOf = (path: ConfigPath): string => JSON.stringify(path);

/** `clusters.x.nodes[0]` */
export const formatPath = (path: ConfigPath): string =>
  path.reduce<string>((text, segment) => {
    if (typeof segment === 'number') return `${text}[${segment}]`;
    return text === '' ? segment : `${text}.${segment}`;
  }, '');

class Reader {
  readonly problems: SourceProblem[] = [];
  isComplete = true;
  readonly #values = new Map<string, { position: Position; filled: boolean; written: string | null }>();
  readonly #keys = new Map<string, Position>();
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #bare: readonly BareReference[];
  readonly #env: Env;
  #valueCount = 0;

  constructor(document: Document.Parsed, lines: LineCounter, bare: readonly BareReference[], env: Env) {
    this.#document = document;
    this.#lines = lines;
    this.#bare = bare;
    this.#env = env;
  }

  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  read(node: Node | null, path: ConfigPath, fallback: Position): unknown {
    this.#valueCount++;
    const position = node?.range ? this.at(node.range[0]) : fallback;
    const entry = { position, filled: false, written: null as string | null };
    this.#values.set(keyOf(path), entry);
    const excess = this.#excess(path.length);
    if (excess !== null) return this.#giveUp(position, excess);
    if (isAlias(node)) return this.#readAlias(node, path, position);
    if (isMap(node)) return this.#readMap(node.items as Pairs, path, position);
    if (isSeq(node)) {
      return node.items.map((item, index) =>
        this.read(item as ParsedNode | null, [...path, index], position),
      );
    }
    if (!isScalar(node)) return null;
    if (this.#isBare(node, path)) return undefined;
    entry.written = node.source ?? null;
    if (typeof node.value !== 'string') return node.value;
    const filled = fillEnv(node.value, this.#env);
    entry.filled = filled.isFilled;
    for (const { message, hint } of filled.faults) this.#report(path, position, message, hint);
    return filled.faults.length > 0 ? undefined : filled.text;
  }

  #readAlias(
    node: Node & { resolve(document: Document): Node | undefined },
    path: ConfigPath,
    position: Position,
  ) {
    const target = node.resolve(this.#document);
    if (target !== undefined) return this.read(target, path, position);
    this.#report(path, position, 'the alias has no anchor', null);
    return undefined;
  }

  #excess(depth: number): string | null {
    if (this.#valueCount > configValuesMax) return tooManyValues;
    return depth > configNestingMax ? tooDeep : null;
  }

  /** Reports why reading stops. The value is incomplete then and is not checked. */
  #giveUp(position: Position, message: string): undefined {
    this.#report([], position, message, null);
    this.isComplete = false;
  }

  #readMap(pairs: Pairs, path: ConfigPath, position: Position): Record<string, unknown> {
    const map: Record<string, unknown> = Object.create(null);
    for (const pair of pairs) {
      const keyPosition = pair.key?.range ? this.at(pair.key.range[0]) : position;
      if (!isScalar(pair.key)) {
        this.#report(path, keyPosition, 'a key must be plain text', null);
        continue;
      }
      if (this.#isBare(pair.key, path)) continue;
      const key = String(pair.key.source ?? pair.key.value);
      this.#keys.set(keyOf([...path, key]), keyPosition);
      const value = this.read(pair.value, [...path, key], keyPosition);
      if (value !== undefined) map[key] = value;
    }
    return map;
  }

  /** Whether the scalar contained a bare reference; if so, its problem is reported. */
  #isBare({ range }: Node, path: ConfigPath): boolean {
    const reference = this.#bare.find(
      ({ offset }) => range != null && offset >= range[0] && offset < range[1],
    );
    if (reference !== undefined) this.reportBare(reference, path);
    return reference !== undefined;
  }

  reportBare({ text, offset }: BareReference, path: ConfigPath): void {
    const unset = fillEnv(text, this.#env).faults.map(({ message }) => `; ${message}`);
    this.#report(
      path,
      this.at(offset),
      `${text} is not valid YAML inside { } and [ ] without quotes`,
      `write "${text}"${unset.join('')}`,
    );
  }

  #report(path: ConfigPath, position: Position, message: string, hint: string | null): void {
    if (this.isComplete) this.problems.push({ path, ...position, message, hint });
  }

  /** Position of the key; of the value where there is no key. */
  keyPositionOf(path: ConfigPath): Position {
    return this.#keys.get(keyOf(path)) ?? this.positionOf(path);
  }

  positionOf(path: ConfigPath): Position {
    for (let length = path.length; length > 0; length--) {
      const prefix = keyOf(path.slice(0, length));
      const key = this.#keys.get(prefix);
      const value = this.#values.get(prefix)?.position;
      // What is missing in a mapping is reported at the mapping's key.
      const position = length === path.length ? value : (key ?? value);
      if (position !== undefined) return position;
    }
    return { line: 1, column: 1 };
  }

  isFilled(path: ConfigPath): boolean {
    return this.#values.get(keyOf(path))?.filled ?? false;
  }

  writtenAs(path: ConfigPath): string | null {
    return this.#values.get(keyOf(path))?.written ?? null;
  }
}

type Pairs = readonly { readonly key: Node | null; readonly value: Node | null }[];

const tooManyValues = `more than ${configValuesMax} values, counting what aliases repeat`;
const tooDeep = `more than ${configNestingMax} levels of mappings and lists, counting what aliases repeat`;
/** More problems at once would not be read by anybody. */
const syntaxProblemsMax = 10;

/**
 * The parser's errors without those that follow from an earlier one: after an unexpected token it reports
 * much of the rest.
 */
function causesOf(document: Document.Parsed): YAMLError[] {
  const faults = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  const stray = faults.findIndex(({ code }) => code === 'UNEXPECTED_TOKEN');
  const causes = faults.filter(
    (fault, index) =>
      fault.code === 'DUPLICATE_KEY' ||
      ((stray === -1 || index <= stray) && fault.pos[0] !== faults[index - 1]?.pos[0]),
  );
  return causes.slice(0, syntaxProblemsMax);
}

/**
 * Whether brackets or dashes are nested very deeply, by a count that ignores quotes and comments. It is
 * checked before parsing, because the parser recurses and takes quadratic time there.
 */
function isNestedTooDeeply(text: string): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > 4 * configNestingMax) return true;
  }
  return new RegExp(`([-?:] +){${configNestingMax}}`).test(text);
}

const unreadable = (message: string): YamlSource => ({
  value: null,
  problems: [{ path: [], line: 1, column: 1, message, hint: null }],
  isReadable: false,
  isFilled: () => false,
  positionOf: () => ({ line: 1, column: 1 }),
  keyPositionOf: () => ({ line: 1, column: 1 }),
  writtenAs: () => null,
});

/**
 * Parses the text. After a syntax error the value is null; after a duplicate key it is not, so that the rest
 * is checked.
 */
export function readYaml(text: string, env: Env): YamlSource {
  if (isNestedTooDeeply(text)) return unreadable(tooDeep);
  const lines = new LineCounter();
  const clean = withoutBareReferences(text);
  const document = parseDocument(clean.text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    version: '1.2',
  });
  const reader = new Reader(document, lines, clean.references, env);
  const faults = causesOf(document);
  for (const fault of faults) reader.problems.push(syntaxProblem(fault, reader, text));
  const isReadable = faults.every((fault) => fault.code === 'DUPLICATE_KEY');
  if (!isReadable) for (const reference of clean.references) reader.reportBare(reference, []);
  const value = isReadable ? reader.read(document.contents, [], { line: 1, column: 1 }) : null;
  return {
    value,
    problems: reader.problems,
    isReadable: isReadable && reader.isComplete,
    isFilled: (path) => reader.isFilled(path),
    positionOf: (path) => reader.positionOf(path),
    keyPositionOf: (path) => reader.keyPositionOf(path),
    writtenAs: (path) => reader.writtenAs(path),
  };
}

function syntaxProblem(fault: YAMLError, reader: Reader, text: string): SourceProblem {
  const position = reader.at(fault.pos[0]);
  const line = text.split('\n')[position.line - 1] ?? '';
  const found = (message: string, hint: string | null) => ({ path: [], ...position, message, hint });
  if (fault.code === 'MULTIPLE_DOCS') return found('a second YAML document begins here', 'keep one document');
  if (fault.code === 'DUPLICATE_KEY') {
    const key = /^[^\s:,{}]+/.exec(text.slice(fault.pos[0]))?.[0] ?? '';
    return found(`the key ${key} is there twice in this mapping`, 'keep one of the two');
  }
  if (line.includes('\t')) return found(`not valid YAML: ${fault.message}`, 'indent with spaces, not tabs');
  return found(`not valid YAML: ${fault.message}`, null);
}
