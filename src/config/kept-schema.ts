// The schema that configurations are checked against, read from a file that write-schema.ts made from
// schema.ts. Making it at each start would load TypeBox: 370 modules and 220 ms of CPU on a slow machine, a
// third of what the main thread does until the proxy serves.
import { readFileSync } from 'node:fs';
import type { SchemaNode } from './schema-node.ts';

const file = new URL('./schema.json', import.meta.url);

/** `configSchema` of schema.ts. */
export const keptSchema = JSON.parse(readFileSync(file, 'utf8')) as SchemaNode;
