// Writes the control API's schemas to their file: node src/control-plane/api/write-schemas.ts
import { writeFileSync } from 'node:fs';
import { schemasFileText } from './schemas-file.ts';

writeFileSync(new URL('./schemas.json', import.meta.url), schemasFileText());
