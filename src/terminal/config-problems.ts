// Problems and warnings of a configuration file as text, each with its place in the file.
import { visibleText } from '#src/base/visible-text.ts';
import type { ConfigProblem } from '#src/shared-memory/messages.ts';

/** `file:line:column: path: message` and, indented below, `hint: …`; each line ends in a newline. */
export function formatConfigProblems(problems: readonly ConfigProblem[]): string {
  return problems.map((problem) => format(problem, '')).join('');
}

/** The same for warnings, with `warning:` after the place. */
export function formatConfigWarnings(warnings: readonly ConfigProblem[]): string {
  return warnings.map((warning) => format(warning, 'warning: ')).join('');
}

function format({ file, line, column, path, message, hint }: ConfigProblem, kind: string): string {
  const where = path === '' ? '' : `${path}: `;
  const said = visibleText(`${file}:${line}:${column}: ${kind}${where}${message}`);
  return `${said}${hint === null ? '' : `\n  hint: ${visibleText(hint)}`}\n`;
}
