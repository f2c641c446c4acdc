// One spelling per value, so that a hash over it can be checked by anyone: keys sorted, no white space.

/**
 * JSON with object keys in code-unit order at every depth; `undefined` members are left out as in
 * JSON.stringify.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
