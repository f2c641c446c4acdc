// What the validation found in a request, in words: each mistake once, with what is there and what was
// expected.
import type { FastifyError } from 'fastify';

/** One mistake: where it is, and what is wrong there. */
export interface ProblemMember {
  /** JSON pointer into the body, or the name of a parameter behind `#/`. */
  readonly pointer: string;
  readonly detail: string;
}

/** As Ajv gives it with `verbose`. */
interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly data?: unknown;
  readonly parentSchema?: ParentSchema;
}

interface ParentSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly { readonly const?: unknown }[];
}

/** More are not told: who sends so many has another problem. */
const mistakesMax = 20;
const shownCharactersMax = 40;

/** The mistakes of a request that the schema refused, at most one per place. */
export function mistakesOf(error: FastifyError): ProblemMember[] {
  const findings = (error.validation ?? []) as readonly Finding[];
  const unions = new Set(
    findings.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath),
  );
  const mistakes = new Map<string, ProblemMember>();
  for (const finding of findings) {
    if (mistakes.size === mistakesMax) break;
    // What each branch of a union misses only confuses: the union says what it expects.
    if (finding.keyword !== 'anyOf' && unions.has(finding.instancePath)) continue;
    const mistake = describe(finding);
    if (!mistakes.has(mistake.pointer)) mistakes.set(mistake.pointer, mistake);
  }
  return [...mistakes.values()];
}

/** All of them in one sentence, of `where`: the body, the query string or the parameters. */
export function sentenceOf(mistakes: readonly ProblemMember[], where: string): string {
  const parts = mistakes.map(({ pointer, detail }) => {
    const name = pointer.slice(2).replaceAll('/', '.');
    return `${name === '' ? where : name} ${detail}`;
  });
  return parts.join('; ');
}

function describe(finding: Finding): ProblemMember {
  const { instancePath, keyword, params } = finding;
  switch (keyword) {
    case 'additionalProperties':
      return {
        pointer: `#${instancePath}/${shownKey(String(params.additionalProperty))}`,
        detail: unknownMember(finding),
      };
    case 'required':
      return { pointer: `#${instancePath}/${params.missingProperty}`, detail: 'is missing' };
    default:
      return {
        pointer: `#${instancePath}`,
        detail: `is ${shown(finding.data)}; expected ${expected(finding)}`,
      };
  }
}

function unknownMember({ parentSchema }: Finding): string {
  const known = Object.keys(parentSchema?.properties ?? {});
  return known.length === 0
    ? 'is not known here; nothing was expected'
    : `is not known; expected ${anyOf(known)}`;
}

function expected({ keyword, params, parentSchema, message }: Finding): string {
  switch (keyword) {
    case 'type':
      return words[String(params.type)] ?? String(params.type);
    case 'minimum':
      return `at least ${params.limit}`;
    case 'maximum':
      return `at most ${params.limit}`;
    case 'exclusiveMinimum':
      return `more than ${params.limit}`;
    case 'minItems':
      return `at least ${params.limit} of them`;
    case 'maxItems':
      return `at most ${params.limit} of them`;
    case 'minLength':
      return `at least ${params.limit} characters`;
    case 'maxLength':
      return `at most ${params.limit} characters`;
    case 'pattern': {
      const examples = parentSchema?.examples ?? [];
      return examples.length > 0 ? `such as ${examples.join(' or ')}` : `what matches ${params.pattern}`;
    }
    case 'const':
      return JSON.stringify(params.allowedValue);
    case 'anyOf': {
      const values = (parentSchema?.anyOf ?? []).map((branch) => branch.const);
      return values.every((value) => value !== undefined)
        ? anyOf(values.map(String))
        : 'another kind of value';
    }
    default:
      return `that it ${message ?? 'fits the schema'}`;
  }
}

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

/** As a JSON pointer has it (RFC 6901 3), and not longer than what else is shown. */
function shownKey(key: string): string {
  const escaped = key
    .replaceAll('~', '~0')
    .replaceAll('/', '~1')
    .replaceAll(/[^\x20-\x7e]/g, '?');
  return escaped.length <= shownCharactersMax ? escaped : `${escaped.slice(0, shownCharactersMax)}...`;
}

function shown(data: unknown): string {
  if (Array.isArray(data)) return data.length === 0 ? 'an empty list' : 'a list';
  if (typeof data === 'object' && data !== null) return 'an object';
  const text = JSON.stringify(data) ?? 'absent';
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`;
}

function anyOf(names: readonly string[]): string {
  if (names.length === 1) return names[0] as string;
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
