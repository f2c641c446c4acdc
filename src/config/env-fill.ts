// `${NAME}` and `${NAME:-default}` in a text, as in a shell: the default also stands in for an empty
// variable.
import type { Fault } from './net-address.ts';

interface Filled {
  readonly text: string;
  /** Whether a variable was filled in. Such a text counts as a number where the schema asks for one. */
  readonly isFilled: boolean;
  readonly faults: readonly Fault[];
}

// `$${` stands for `${` itself; any other `${` that is not of the form above is reported.
const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * The text with its variables filled in from `env`. A variable that is not set and has no default is a fault.
 */
export function fillEnv(text: string, env: Readonly<Record<string, string | undefined>>): Filled {
  if (!text.includes('${')) return { text, isFilled: false, faults: [] };
  const faults: Fault[] = [];
  let isFilled = false;
  const filled = text.replace(reference, (match: string, name?: string, fallback?: string) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      faults.push({
        message: '"${" does not begin a variable',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how it is written in the file
        hint: 'write ${NAME} or ${NAME:-default}, or $${ for the characters themselves',
      });
      return match;
    }
    isFilled = true;
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value !== undefined) return value;
    faults.push({
      message: `the environment variable ${name} is not set`,
      hint: `set it, or give a default: \${${name}:-default}`,
    });
    return '';
  });
  return { text: filled, isFilled, faults };
}
