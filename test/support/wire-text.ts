// Escapes of the plain-text wire cases: `\r \n \t \0 \\ \xHH` and `{text*count}` for repetition, latin1
// otherwise.

const simpleEscapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };

function decodeEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, body: string) => {
    if (body.length === 3) return String.fromCharCode(Number.parseInt(body.slice(1), 16));
    const plain = simpleEscapes[body] ?? (body === '{' ? '{' : undefined);
    if (plain === undefined) throw new Error(`unknown escape \\${body} in ${JSON.stringify(text)}`);
    return plain;
  });
}

/** Bytes that a piece of case text stands for. Throws on an unknown escape or a character above U+00FF. */
export function decodeWireText(text: string): Buffer {
  const parts: string[] = [];
  let from = 0;
  for (const match of text.matchAll(/(?<!\\)\{((?:[^{}\\]|\\.)+)\*(\d+)\}/gs)) {
    parts.push(decodeEscapes(text.slice(from, match.index)));
    parts.push(decodeEscapes(match[1] as string).repeat(Number(match[2])));
    from = match.index + match[0].length;
  }
  parts.push(decodeEscapes(text.slice(from)));
  const decoded = parts.join('');
  if (/[^\0-\xff]/.test(decoded)) throw new Error(`not latin1: ${JSON.stringify(text.slice(0, 60))}`);
  return Buffer.from(decoded, 'latin1');
}

/** Bytes as readable text, shortened in the middle, for reports. */
export function showBytes(bytes: Buffer, charactersMax = 200): string {
  const shown = JSON.stringify(bytes.toString('latin1')).slice(1, -1).replaceAll('\\"', '"');
  if (shown.length <= charactersMax) return shown;
  const half = Math.floor(charactersMax / 2);
  return `${shown.slice(0, half)}…${shown.slice(-half)}`;
}
