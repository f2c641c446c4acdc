// Problems of a configuration file as text: every one at once, each with the place to look at.
import type { ConfigProblem } from '#src/shared-memory/messages.ts';

/** `file:line:column: path: message (hint)`, one line per problem, each ending in a newline. */
export function formatConfigProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map((problem) => {
      const place = `${problem.file}:${problem.line}:${problem.column}`;
      const path = problem.path === '' ? '' : `${problem.path}: `;
      return `${place}: ${path}${problem.message}${problem.hint === null ? '' : ` (${problem.hint})`}\n`;
    })
    .join('');
}
