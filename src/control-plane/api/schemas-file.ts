// The control API's schemas as the file that a start reads.
import * as definitions from './schema-definitions.ts';

/** The text of schemas.json, ending in a newline. */
export const schemasFileText = (): string => `${JSON.stringify(definitions, null, 2)}\n`;
