// The version of the package, from package.json.
import { readFileSync } from 'node:fs';

/** The version, such as `0.1.0`. It is read when it is first asked for. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
