// The texts of the schema's two files: config/crossover.schema.json for editors, without annotations that
// only Crossover knows, and schema.json beside this file, which each start reads.
import { configSchema } from './schema.ts';

/** Text of the file that each start reads. */
export const keptSchemaText = (): string => `${JSON.stringify(configSchema, null, 2)}\n`;

/** Text of the file for editors. */
export function schemaFileText(): string {
  const file = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Crossover configuration',
    ...configSchema,
  };
  // A `${VARIABLE}` may be written instead of any value, so editors must accept it wherever the schema has a
  // pattern.
  return `${JSON.stringify(withVariables(JSON.parse(JSON.stringify(file, dropAnnotations))), null, 2)}\n`;
}

const dropAnnotations = (key: string, value: unknown): unknown => (key.startsWith('x-') ? undefined : value);

type Dict = Record<string, unknown>;
const variable = { type: 'string', pattern: '\\$\\{' };

/** A form of a union that is itself a mapping or a list. */
const withVariablesInside = (form: Dict): Dict =>
  form.properties === undefined && form.items === undefined ? form : withVariables(form);

function withVariables(node: Dict): Dict {
  const { properties, items, ...rest } = node;
  if (properties !== undefined) {
    const entries = Object.entries(properties as Record<string, Dict>);
    return {
      ...rest,
      properties: Object.fromEntries(entries.map(([key, child]) => [key, withVariables(child)])),
    };
  }
  if (items !== undefined) return { ...rest, items: withVariables(items as Dict) };
  const isFreeText = rest.type === 'string' && rest.pattern === undefined && rest.maxLength === undefined;
  if (isFreeText) return rest;
  const { description, default: fallback, ...form } = rest;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  const forms = (form.anyOf as Dict[] | undefined)?.map(withVariablesInside) ?? [form];
  return { ...about, anyOf: [...forms, variable] };
}
