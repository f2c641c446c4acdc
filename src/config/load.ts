// Reads a configuration: parses the YAML, fills in the environment, checks it against the schema, and checks
// what the values mean. The result is a complete Config, or every problem at once.
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { fileFault } from '#src/base/file-fault.ts';
import { configBytesMax } from '#src/limits.ts';
import type { ConfigProblem, LoadResult } from './config.ts';
import { warningsAbout } from './config-warnings.ts';
import { keptSchema } from './kept-schema.ts';
import type { Report } from './problem-report.ts';
import { type Machine, resolveConfig } from './resolve.ts';
import { checkUrlsOfMisfit } from './resolve-signals.ts';
import type { WrittenConfig } from './schema.ts';
import {
  adaptToSchema,
  checkSchema,
  fillDefaults,
  prune,
  type SchemaProblem,
  schemasAt,
} from './schema-check.ts';
import { type ConfigPath, formatPath, type Position, readYaml, type YamlSource } from './yaml-source.ts';

export type { ConfigProblem, LoadResult };

type Env = Readonly<Record<string, string | undefined>>;

/** The machine this process runs on. */
export const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  addresses: Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address)),
  hostName: hostname(),
  resolvePath: (path) => (path === ':memory:' ? path : resolve(path)),
});

const wholeFile = (file: string, message: string, hint: string | null): LoadResult => ({
  ok: false,
  problems: [{ file, line: 1, column: 1, path: '', message, hint }],
});

/** Reads and checks a configuration file. That a file cannot be read is a problem like any other. */
export function loadConfigFile(path: string, env: Env, machine: Machine = thisMachine()): LoadResult {
  let text: string;
  try {
    const status = statSync(path);
    if (status.isDirectory())
      return wholeFile(path, 'this is a directory; expected a YAML file', 'name the file in it');
    const { size } = status;
    if (size > configBytesMax)
      return wholeFile(path, `the file has ${size} bytes; at most ${configBytesMax} are read`, null);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? 'there is no such file' : `the file cannot be read: ${fileFault(error)}`;
    return wholeFile(path, message, 'config/crossover.example.yaml is a commented file to start from');
  }
  return parseConfig(text, path, env, machine);
}

const byPlace = (a: ConfigProblem, b: ConfigProblem): number => a.line - b.line || a.column - b.column;

/**
 * Collects problems. Where a value does not fit the schema, problems that only follow from that are left out.
 */
class Problems {
  readonly #file: string;
  readonly #list: ConfigProblem[] = [];
  readonly #misfits = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  /** Adds the problem of a value that is missing or does not fit the schema, once for each path. */
  addMisfit(path: ConfigPath, position: Position, message: string, hint: string | null): void {
    const place = JSON.stringify(path);
    if (path.length > 0 && this.#misfits.has(place)) return;
    this.#misfits.add(place);
    this.#add(path, position, message, hint);
  }

  /**
   * Adds the problem of a value that fits the schema, unless it or `other` has a problem of its own already.
   */
  addConflict(
    path: ConfigPath,
    position: Position,
    message: string,
    hint: string | null,
    other: ConfigPath,
  ): void {
    const isKnown = this.#misfits.has(JSON.stringify(path)) || this.#misfits.has(JSON.stringify(other));
    if (!isKnown && !this.#isMissedIn(path)) this.#add(path, position, message, hint);
  }

  /** Whether a part of this list item did not fit: what the item seems to lack may be that part. */
  #isMissedIn(path: ConfigPath): boolean {
    if (typeof path.at(-1) !== 'number') return false;
    const parts = `${JSON.stringify(path).slice(0, -1)},`;
    return [...this.#misfits].some((place) => place.startsWith(parts));
  }

  #add(path: ConfigPath, position: Position, message: string, hint: string | null): void {
    this.#list.push({ file: this.#file, ...position, path: formatPath(path), message, hint });
  }

  /** In the order of the file. */
  sorted(): ConfigProblem[] {
    return this.#list.sort(byPlace);
  }
}

/** Checks the text of a configuration. `file` is its name in problems; `machine` resolves relative paths. */
export function parseConfig(
  text: string,
  file: string,
  env: Env,
  machine: Machine = thisMachine(),
): LoadResult {
  const source = readYaml(text.replace(/^\uFEFF/, ''), env);
  const problems = new Problems(file);
  for (const { path, line, column, message, hint } of source.problems)
    problems.addMisfit(path, { line, column }, message, hint);
  if (!source.isReadable) return { ok: false, problems: problems.sorted() };
  const isMapping =
    source.value === null || (typeof source.value === 'object' && !Array.isArray(source.value));
  if (!isMapping) {
    return wholeFile(file, 'expected a mapping of settings', 'such as clusters: with x: and y: below it');
  }
  const config = checkValue(source, machine, problems);
  const found = problems.sorted();
  if (found.length > 0) return { ok: false, problems: found };
  const warnings = warningsAbout(config).map(({ path, message, hint }) => ({
    file,
    ...source.positionOf(path),
    path: formatPath(path),
    message,
    hint,
  }));
  return {
    ok: true,
    config,
    warnings: warnings.sort(byPlace),
    placeOf: (path) => source.keyPositionOf(pathOf(path)),
    writtenSecrets: writtenSecrets(source, source.value, []),
  };
}

/** Paths of the secrets that are written out in the file. */
function writtenSecrets(source: YamlSource, value: unknown, path: ConfigPath): readonly string[] {
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, child]) =>
      writtenSecrets(source, child, [...path, Array.isArray(value) ? Number(key) : key]),
    );
  const isSecret = schemasAt(path).some((schema) => schema['x-secret'] === true);
  return isSecret && typeof value === 'string' && value !== '' && !source.isFilled(path)
    ? [formatPath(path)]
    : [];
}

/** `clusters.x.nodes[0]` as a path. */
const pathOf = (text: string): ConfigPath =>
  [...text.matchAll(/[^.[\]]+/g)].map(([segment]) => (/^\d+$/.test(segment) ? Number(segment) : segment));

function checkValue(source: YamlSource, machine: Machine, problems: Problems) {
  const value = adaptToSchema(source.value ?? Object.create(null), [], source);
  const misfits = checkSchema(value, source);
  for (const { path, message, hint, isAboutKey } of misfits) {
    problems.addMisfit(
      path,
      isAboutKey ? source.keyPositionOf(path) : source.positionOf(path),
      message,
      hint,
    );
  }
  const report: Report = (path, message, hint, other = path) =>
    problems.addConflict(path, source.positionOf(path), message, hint, other);
  for (const path of calledItems(misfits)) checkUrlsOfMisfit(valueAt(value, path), path, report);
  prune(
    value,
    misfits.map(({ path }) => path),
  );
  // Without its misfits and with defaults the value fits the schema, but for removed items of lists; the
  // resolver skips those.
  const written = fillDefaults(keptSchema, value) as WrittenConfig;
  return resolveConfig(written, machine, report);
}

/**
 * Gates, metrics and notifications of which a part does not fit. They will be removed, but their URLs are
 * checked.
 */
function calledItems(misfits: readonly SchemaProblem[]): readonly ConfigPath[] {
  const items = misfits.flatMap(({ path: [list, index], isAboutKey }) =>
    !isAboutKey && ['metrics', 'gates', 'notifications'].includes(String(list)) && index !== undefined
      ? [JSON.stringify([list, index])]
      : [],
  );
  return [...new Set(items)].map((item) => JSON.parse(item) as ConfigPath);
}

const valueAt = (root: unknown, path: ConfigPath): unknown =>
  path.reduce<unknown>((value, segment) => (value as Record<string, unknown> | undefined)?.[segment], root);
