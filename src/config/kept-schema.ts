// The schema that configurations are checked against, as schema.ts had it when it was last changed. To make it takes TypeBox, 370
// modules or 220 ms of CPU on a slow machine: a third of what the main thread does until the proxy serves.
import { readFileSync } from 'node:fs';
import type { SchemaNode } from './schema-node.ts';

const file = new URL('./schema.json', import.meta.url);

/** `configSchema` of schema.ts. */
export const keptSchema = JSON.parse(readFileSync(file, 'utf8')) as SchemaNode;
