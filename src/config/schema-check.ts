// Checks a value against the schema, describes in words what does not fit, and fills in defaults. It knows no
// setting by name.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { closestNames } from './closest-name.ts';
import { keptSchema } from './kept-schema.ts';
import type { SchemaNode } from './schema-node.ts';
import { type ConfigPath, formatPath, type YamlSource } from './yaml-source.ts';

export interface SchemaProblem {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | null;
  /** Whether the key is what is wrong, not its value. */
  readonly isAboutKey: boolean;
}

/**
 * A start compiles the schema to check one configuration, so the time to compile counts more than the speed
 * of the result. Without optimisation it takes half as long. A test checks that the schema is valid.
 */
function compileSchema(): ValidateFunction {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    validateSchema: false,
    code: { optimize: false },
  });
  for (const keyword of ['x-type', 'x-expected', 'x-secret']) ajv.addKeyword(keyword);
  return ajv.compile(keptSchema as object);
}

/** Held weakly, because only a start and a reload need its 1.2 MiB. */
let compiled: WeakRef<ValidateFunction> | null = null;

function validator(): ValidateFunction {
  const known = compiled?.deref();
  if (known !== undefined) return known;
  const validate = compileSchema();
  compiled = new WeakRef(validate);
  return validate;
}

type Dict = Record<string, unknown>;
const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schemas that may apply at a path: several where it is a union. */
export function schemasAt(path: ConfigPath): readonly SchemaNode[] {
  return path.reduce<readonly SchemaNode[]>(
    (nodes, segment) =>
      nodes.flatMap((node) => {
        const child = typeof segment === 'number' ? node.items : node.properties?.[segment];
        return child === undefined ? [] : alternatives(child);
      }),
    [keptSchema],
  );
}

const alternatives = (node: SchemaNode): readonly SchemaNode[] => [
  node,
  ...(node.anyOf ?? []).flatMap(alternatives),
];

/**
 * Settles what YAML leaves open, in place: a section without content is an empty one, and a text filled from
 * the environment is a number or boolean where the schema wants one.
 */
export function adaptToSchema(value: unknown, path: ConfigPath, source: YamlSource): unknown {
  if (Array.isArray(value)) return value.map((item, index) => adaptToSchema(item, [...path, index], source));
  if (isDict(value)) {
    for (const key of Object.keys(value)) value[key] = adaptToSchema(value[key], [...path, key], source);
    return value;
  }
  const schemas = schemasAt(path);
  if (value === null && schemas.some((schema) => schema.properties !== undefined)) return Object.create(null);
  return typeof value === 'string' && source.isFilled(path) ? adaptFilled(value, schemas) : value;
}

function adaptFilled(text: string, schemas: readonly SchemaNode[]): unknown {
  const accepts = (...types: string[]) =>
    schemas.some((schema) =>
      types.includes(schema.type ?? (typeof schema.const === 'number' ? 'number' : '')),
    );
  if (accepts('number', 'integer') && /^-?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (accepts('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** Everything that does not fit the schema, at most one problem per place. */
export function checkSchema(value: unknown, source: YamlSource): SchemaProblem[] {
  const validate = validator();
  if (validate(value)) return [];
  const problems = new Map<string, SchemaProblem>();
  for (const error of worthTelling(validate.errors ?? [])) {
    const problem = describe(error, source);
    const place = JSON.stringify(problem.path);
    if (!problems.has(place)) problems.set(place, problem);
  }
  return [...problems.values()];
}

/**
 * What each branch of a union misses only confuses: the union says what it expects, unless a list or mapping
 * in it is clearly meant.
 */
function worthTelling(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const hidden = new Set<ErrorObject>();
  for (const union of errors.filter(({ keyword }) => keyword === 'anyOf')) {
    const inside = errors.filter((error) => isWithin(union, error));
    const meant = Array.isArray(union.data) || isDict(union.data) ? branchMeant(union, inside) : null;
    if (meant !== null) hidden.add(union);
    for (const error of inside) if (meant?.includes(error) !== true) hidden.add(error);
  }
  return errors.filter((error) => !hidden.has(error));
}

const isWithin = (union: ErrorObject, { schemaPath, instancePath }: ErrorObject): boolean =>
  schemaPath.startsWith(`${union.schemaPath}/`) && `${instancePath}/`.startsWith(`${union.instancePath}/`);

const aboutContent = new Set(['minItems', 'maxItems', 'uniqueItems', 'additionalProperties', 'required']);

/** Errors of the one branch that takes lists, or mappings, when it is what is in it that is wrong. */
function branchMeant(union: ErrorObject, inside: readonly ErrorObject[]): readonly ErrorObject[] | null {
  const branches = Map.groupBy(inside, ({ schemaPath }) =>
    schemaPath.slice(union.schemaPath.length + 1).replace(/\/.*/, ''),
  );
  const fitting = [...branches.values()].filter((errors) =>
    errors.every(
      ({ instancePath, keyword }) => instancePath !== union.instancePath || aboutContent.has(keyword),
    ),
  );
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
}

function pathOf(instancePath: string, root: unknown): ConfigPath {
  const path: (string | number)[] = [];
  let value = root;
  for (const part of instancePath.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(name) : name);
    value = (value as Dict | undefined)?.[name];
  }
  return path;
}

function describe(error: ErrorObject, source: YamlSource): SchemaProblem {
  const path = pathOf(error.instancePath, source.value);
  const schema = error.parentSchema as SchemaNode;
  if (error.keyword === 'additionalProperties') {
    return unknownKey(path, String(error.params.additionalProperty), schema);
  }
  if (error.keyword === 'required') {
    const key = String(error.params.missingProperty);
    const child = schema.properties?.[key];
    const hint = child?.['x-expected'] === undefined ? null : `add ${key}: ${child['x-expected']}`;
    return { path: [...path, key], message: 'is missing', hint, isAboutKey: false };
  }
  if (error.keyword === 'uniqueItems') {
    const index = Number(error.params.i);
    return {
      path: [...path, index],
      message: 'is there twice',
      hint: 'remove one of the two',
      isAboutKey: false,
    };
  }
  const written = source.isFilled(path) ? null : source.writtenAs(path);
  const isSecret = schema['x-secret'] === true;
  const shown = isSecret ? '' : `, got ${showValue(error.data, written)}`;
  const expected = schema['x-expected'] ?? `${error.message}`;
  const hint = hintFor(schema, error.data, isSecret ? '…' : written);
  return { path, message: `expected ${expected}${shown}`, hint, isAboutKey: false };
}

function showValue(value: unknown, written: string | null): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return value === '' ? 'an empty text' : `"${value.slice(0, 80)}"`;
  return written ?? String(value);
}

function hintFor(schema: SchemaNode, value: unknown, written: string | null): string | null {
  const type = schema['x-type'] ?? '';
  if (typeof value === 'number' && (type === 'duration' || type.startsWith('duration'))) {
    return `write the unit: ${value}s or ${value}ms`;
  }
  if (typeof value === 'number' && value >= 1 && type.startsWith('percentage')) {
    return `write ${value}% for ${value} percent`;
  }
  if (typeof value === 'string') {
    const choices = choicesOf(schema);
    const close = closestNames(value, choices);
    if (close.length > 0 && close.length < choices.length) return `did you mean ${close.join(' or ')}?`;
  }
  const acceptsText = schema.type === 'string';
  if (acceptsText && (typeof value === 'number' || typeof value === 'boolean')) {
    return `put quotes around it: "${written ?? value}"`;
  }
  if (type.startsWith('list') && typeof value === 'string') return `write a list: [${value}]`;
  return null;
}

/** Texts that a value may be, where it may be only these. */
const choicesOf = (schema: SchemaNode): readonly string[] =>
  alternatives(schema)
    .flatMap((node) => node.enum ?? [node.const])
    .filter((choice) => typeof choice === 'string');

function unknownKey(path: ConfigPath, key: string, schema: SchemaNode): SchemaProblem {
  const known = Object.keys(schema.properties ?? {});
  const close = closestNames(key, known);
  const hint = close.length === 0 ? elsewhere(key, known) : `did you mean ${close.join(' or ')}?`;
  return { path: [...path, key], message: 'unknown key', hint, isAboutKey: true };
}

/** A key that belongs into another section is the other common slip. */
function elsewhere(key: string, known: readonly string[]): string {
  // Items of lists share many names with sections, and are not where a stray key of a section belongs.
  const places = keyPaths(keptSchema, []).filter(
    (path) => path.at(-1) === key && !path.some((segment) => String(segment).endsWith('[]')),
  );
  if (places.length === 1) return `there is ${formatPath(places[0] as ConfigPath)}`;
  return `known here: ${known.join(', ')}`;
}

/** Paths of all keys of the schema, sections included; those within lists have `[]` after the list's name. */
function keyPaths(node: SchemaNode, path: ConfigPath): ConfigPath[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const own: ConfigPath = [...path, key];
    const item = child.items === undefined ? [] : keyPaths(child.items, [...path, `${key}[]`]);
    return [own, ...keyPaths(child, own), ...item];
  });
}

/**
 * Takes what does not fit out, in place, so that everything else can still be checked. List items become
 * holes.
 */
export function prune(root: unknown, paths: readonly ConfigPath[]): void {
  for (const path of paths) {
    const item = path.findLastIndex((segment) => typeof segment === 'number');
    // An unknown key of a list item takes only itself along; anything else would leave the item incomplete.
    const isWholeItem = item !== -1 && schemasAt(path).length > 0;
    removeAt(root, isWholeItem ? path.slice(0, item + 1) : path);
  }
}

function removeAt(root: unknown, path: ConfigPath): void {
  const last = path.at(-1);
  let parent = root as Dict | undefined;
  for (const segment of path.slice(0, -1)) parent = parent?.[segment] as Dict | undefined;
  if (last === undefined || typeof parent !== 'object' || parent === null) return;
  if (Array.isArray(parent)) parent[Number(last)] = undefined;
  else delete parent[last];
}

/** The value with every default filled in; sections that are not there come from their own defaults. */
export function fillDefaults(schema: SchemaNode, value: unknown): unknown {
  if (value === undefined && schema.default !== undefined) return structuredClone(schema.default);
  if (schema.type === 'array') return value ?? [];
  if (schema.properties === undefined || (value !== undefined && !isDict(value))) return value;
  const filled: Dict = { ...(value as Dict | undefined) };
  for (const [key, child] of Object.entries(schema.properties)) {
    const childValue = fillDefaults(child, filled[key]);
    if (childValue !== undefined) filled[key] = childValue;
  }
  return filled;
}
