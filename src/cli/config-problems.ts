// Problems of a configuration file as text: every one at once, each with the place to look at.
import type { ConfigProblem } from '#src/shared-memory/messages.ts';

/** `file:line:column: path: message` and, indented below, `hint: …`; each line ends in a newline. */
export function formatConfigProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map((problem) => {
      const place = `${problem.file}:${problem.line}:${problem.column}`;
      const path = problem.path === '' ? '' : `${problem.path}: `;
      return `${place}: ${path}${problem.message}${problem.hint === null ? '' : `\n  hint: ${problem.hint}`}\n`;
    })
    .join('');
}
