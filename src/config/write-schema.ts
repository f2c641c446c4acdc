// Writes the configuration's JSON Schema to its two files: node src/config/write-schema.ts
import { writeFileSync } from 'node:fs';
import { keptSchemaText, schemaFileText } from './schema-file.ts';

writeFileSync(new URL('../../config/crossover.schema.json', import.meta.url), schemaFileText());
writeFileSync(new URL('./schema.json', import.meta.url), keptSchemaText());
