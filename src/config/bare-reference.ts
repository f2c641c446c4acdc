// Finds `${NAME}` without quotes inside { } or [ ]. YAML reads its brace as the beginning of a mapping and
// then fails on what follows, so it is replaced before the text is parsed: it is reported as one problem, and
// the rest of the file is checked.
import { Lexer } from 'yaml';

export interface BareReference {
  /** Offset of the `$`. */
  readonly offset: number;
  /** As it is written, such as `${NAME}`. */
  readonly text: string;
}

interface WithoutBareReferences {
  /**
   * The text with every bare reference replaced by as many plain characters, so that all positions stay the
   * same.
   */
  readonly text: string;
  readonly references: readonly BareReference[];
}

/** Lexemes that stand for no characters of the text: document, scalar, end of a faulty collection. */
const marks = new Set(['\u0002', '\u001f', '\u0018']);

/**
 * Offsets of `$` at the end of a plain text before a brace. Outside of { } and [ ] the lexer counts the brace
 * to the text.
 */
function* offsetsOf(text: string): Generator<number> {
  let offset = 0;
  let previous = '';
  for (const lexeme of new Lexer().lex(text)) {
    if (marks.has(lexeme)) continue;
    if (lexeme === '{' && previous.endsWith('$')) yield offset - 1;
    offset += lexeme.length;
    previous = lexeme;
  }
}

/** Replaces every bare reference that ends on its line; the parser reports those that do not. */
export function withoutBareReferences(text: string): WithoutBareReferences {
  if (!text.includes('${')) return { text, references: [] };
  const references: BareReference[] = [];
  let clean = '';
  let end = 0;
  for (const offset of offsetsOf(text)) {
    const written = /^\$\{[^{}\n]*\}/.exec(text.slice(offset))?.[0];
    if (written === undefined || offset < end) continue;
    references.push({ offset, text: written });
    clean += text.slice(end, offset) + 'x'.repeat(written.length);
    end = offset + written.length;
  }
  return { text: clean + text.slice(end), references };
}
