// Renews the generated tables of docs/config.md from the schema: node src/config/print-docs.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { configDocsText, docsMarkers } from './config-docs.ts';

const file = new URL('../../docs/config.md', import.meta.url);
const text = readFileSync(file, 'utf8');
const start = text.indexOf(docsMarkers.start);
const end = text.indexOf(docsMarkers.end);
if (start === -1 || end === -1) throw new Error('docs/config.md has lost its markers');
writeFileSync(file, text.slice(0, start) + configDocsText() + text.slice(end + docsMarkers.end.length));
