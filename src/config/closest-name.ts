// Guesses which known name was meant by a mistyped one.

/** Fewest insertions, deletions, substitutions and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      let best = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + cost);
      const isSwap =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) best = Math.min(best, at(beforeLast, column - 2) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;

/** How far two names are apart; 1 when one of them is the beginning of the other. */
function distanceBetween(wanted: string, candidate: string): number {
  const isPart = wanted.length >= 3 && (candidate.startsWith(wanted) || wanted.startsWith(candidate));
  return isPart ? 1 : editDistance(wanted, candidate);
}

/** When more names than this are equally close, none of them is suggested. */
const equallyCloseMax = 2;

/**
 * The closest of the known names, case ignored: one, or two that are equally close. None when even the
 * closest differs in more than a third of its length.
 */
export function closestNames(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.slice(0, 64).toLowerCase();
  let best: string[] = [];
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = distanceBetween(wanted, candidate.toLowerCase());
    const isClose = distance <= Math.max(1, Math.floor(candidate.length / 3)) && distance < candidate.length;
    if (!isClose || distance > bestDistance) continue;
    best = distance === bestDistance ? [...best, candidate] : [candidate];
    bestDistance = distance;
  }
  return best.length > equallyCloseMax ? [] : best;
}
