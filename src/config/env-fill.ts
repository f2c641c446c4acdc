// `${NAME}` and `${NAME:-default}` in a text, as in a shell: the default also stands in for an empty variable.
import type { Fault } from './net-address.ts';

interface Filled {
  readonly text: string;
  /** Whether anything was filled in; such a text may stand for a number where the schema wants one. */
  readonly isFilled: boolean;
  readonly faults: readonly Fault[];
}

// `$${` is a literal `${`; a `${` that fits nothing is reported, never kept by chance.
const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** Fills a text from `env`. A variable that is unset and has no default is a fault. */
export function fillEnv(text: string, env: Readonly<Record<string, string | undefined>>): Filled {
  if (!text.includes('${')) return { text, isFilled: false, faults: [] };
  const faults: Fault[] = [];
  let isFilled = false;
  const filled = text.replace(reference, (match: string, name?: string, fallback?: string) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      faults.push({
        message: '"${" does not begin a variable',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what a config file says
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
