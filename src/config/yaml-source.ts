// YAML text to plain data, with the position of every key and value, and `${ENV}` filled into texts. Filling comes after
// parsing, so what is in a variable can never add keys or lists.
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
import { configValuesMax } from '#src/limits.ts';
import { fillEnv } from './env-fill.ts';

export type ConfigPath = readonly (string | number)[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SourceProblem extends Position {
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
  /** Whether the value is a text that was filled from the environment. */
  isFilled(path: ConfigPath): boolean;
  /** Position of the value, else of the nearest thing around it. */
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
  readonly #values = new Map<string, { position: Position; filled: boolean; written: string | null }>();
  readonly #keys = new Map<string, Position>();
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #env: Env;
  #valueCount = 0;

  constructor(document: Document.Parsed, lines: LineCounter, env: Env) {
    this.#document = document;
    this.#lines = lines;
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
    if (this.#valueCount > configValuesMax) {
      if (this.#valueCount === configValuesMax + 1) this.#report(path, position, tooManyValues, null);
      return null;
    }
    if (isAlias(node)) return this.#readAlias(node, path, position);
    if (isMap(node)) return this.#readMap(node.items as Pairs, path, position);
    if (isSeq(node)) {
      return node.items.map((item, index) =>
        this.read(item as ParsedNode | null, [...path, index], position),
      );
    }
    if (!isScalar(node)) return null;
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
    return null;
  }

  #readMap(pairs: Pairs, path: ConfigPath, position: Position): Record<string, unknown> {
    const map: Record<string, unknown> = Object.create(null);
    for (const pair of pairs) {
      const keyPosition = pair.key?.range ? this.at(pair.key.range[0]) : position;
      if (!isScalar(pair.key)) {
        this.#report(path, keyPosition, 'a key must be plain text', null);
        continue;
      }
      const key = String(pair.key.source ?? pair.key.value);
      this.#keys.set(keyOf([...path, key]), keyPosition);
      const value = this.read(pair.value, [...path, key], keyPosition);
      if (value !== undefined) map[key] = value;
    }
    return map;
  }

  #report(path: ConfigPath, position: Position, message: string, hint: string | null): void {
    this.problems.push({ path, ...position, message, hint });
  }

  /** Keys before values: a value that spans lines starts at its key for the reader. */
  keyPositionOf(path: ConfigPath): Position {
    return this.#keys.get(keyOf(path)) ?? this.positionOf(path);
  }

  positionOf(path: ConfigPath): Position {
    for (let length = path.length; length > 0; length--) {
      const prefix = keyOf(path.slice(0, length));
      const key = this.#keys.get(prefix);
      const value = this.#values.get(prefix)?.position;
      // Something missing inside a mapping is missed where the mapping's key is.
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

/** Parses the text. Syntax errors leave the value null; duplicate keys don't, so that the rest is checked as well. */
export function readYaml(text: string, env: Env): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    version: '1.2',
  });
  const reader = new Reader(document, lines, env);
  const faults = [...document.errors, ...document.warnings];
  for (const fault of faults) reader.problems.push(syntaxProblem(fault, reader, text));
  const isReadable = faults.every((fault) => fault.code === 'DUPLICATE_KEY');
  const value = isReadable ? reader.read(document.contents, [], { line: 1, column: 1 }) : null;
  return {
    value,
    problems: reader.problems,
    isReadable,
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
  if (fault.code === 'DUPLICATE_KEY')
    return found('the key is there twice in this mapping', 'keep one of the two');
  if (/[{[,].*\$\{/.test(line) && !/["'][^"']*\$\{/.test(line)) {
    return found(
      `not valid YAML: ${fault.message}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what a config file says
      'inside { } and [ ] a text with ${…} needs quotes: "${NAME}"',
    );
  }
  if (line.includes('\t')) return found(`not valid YAML: ${fault.message}`, 'indent with spaces, not tabs');
  return found(`not valid YAML: ${fault.message}`, null);
}
