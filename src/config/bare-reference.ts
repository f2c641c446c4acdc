// `${NAME}` without quotes inside { } or [ ], where YAML reads its brace as a mapping and then stumbles over the rest of the
// file. Found before the text is parsed, so that the one slip is one problem and everything else can still be checked.
import { Lexer } from 'yaml';

export interface BareReference {
  /** Offset of the `$`. */
  readonly offset: number;
  /** As it is written, such as `${NAME}`. */
  readonly text: string;
}

interface WithoutBareReferences {
  /** The text with every bare reference blotted out by as many plain characters: all positions stay what they were. */
  readonly text: string;
  readonly references: readonly BareReference[];
}

/** Marks of the lexer that stand for no characters of the text: document, scalar, end of a faulty collection. */
const marks = new Set(['\u0002', '\u001f', '\u0018']);

/** Offsets at which a plain text that ends in `$` meets a brace. Outside { } and [ ] the brace belongs to the text. */
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

/** Blots out every reference that is on one line; what goes on over lines is left to the parser. */
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
