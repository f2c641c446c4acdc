// Prints the configuration's JSON Schema, for editors: node src/config/print-schema.ts > config/crossover.schema.json
import process from 'node:process';
import { schemaFileText } from './schema-file.ts';

process.stdout.write(schemaFileText());
