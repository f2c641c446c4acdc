// Counts by two labels, such as a receiver and a result, for a metric that is read when it is scraped.

export class PairCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(first: string, second: string): void {
    const bySecond = this.#counts.get(first) ?? new Map<string, number>();
    this.#counts.set(first, bySecond);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }

  /** Every pair that was counted, and how often. */
  entries(): { readonly first: string; readonly second: string; readonly count: number }[] {
    return [...this.#counts].flatMap(([first, bySecond]) =>
      [...bySecond].map(([second, count]) => ({ first, second, count })),
    );
  }
}
