// The result of a corpus run as text: one row per theme, then every case that is not OK.
import type { Grade } from './judge.ts';
import type { Result } from './lane.ts';

const count = (results: readonly Result[], grade: Grade): number =>
  results.filter((result) => result.grade === grade).length;

const row = (name: string, results: readonly Result[]): string =>
  `${name.padEnd(26)}${[results.length, count(results, 'OK'), count(results, 'LOOSE'), count(results, 'FAIL')]
    .map((figure) => String(figure).padStart(7))
    .join('')}`;

export function printResults(title: string, results: readonly Result[]): string {
  const themes = [...new Set(results.map(({ wireCase }) => wireCase.file))].sort();
  const lines = [
    `${title.padEnd(26)}  cases     OK  LOOSE   FAIL`,
    ...themes.map((theme) =>
      row(
        theme,
        results.filter(({ wireCase }) => wireCase.file === theme),
      ),
    ),
    row('all', results),
  ];
  const notOk = results.filter(({ grade }) => grade !== 'OK').sort((a, b) => a.grade.localeCompare(b.grade));
  for (const { grade, reason, wireCase } of notOk)
    lines.push(`${grade.padEnd(5)} ${wireCase.file}:${wireCase.line} ${wireCase.name}\n      ${reason}`);
  return lines.join('\n');
}
