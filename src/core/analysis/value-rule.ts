// Whether a plain number, such as orders per minute, is what it should be: within bounds, or against the same
// number of X. Such a number carries no sample size, so this is no evidence and never enters the combination
// of tests.

export type ValueRule =
  /** Y's value must lie within them; at least one is there. */
  | { readonly kind: 'bounds'; readonly min: number | null; readonly max: number | null }
  /**
   * Y's value must not be worse than timesX * X + overX, or where lower is worse, than timesX * X - overX.
   */
  | {
      readonly kind: 'comparison';
      readonly worse: 'higher' | 'lower';
      readonly timesX: number;
      readonly overX: number;
    };

type ValueCheck =
  | { readonly kind: 'kept'; readonly text: string }
  | { readonly kind: 'violated'; readonly text: string }
  /** The rule has no answer for these numbers. */
  | { readonly kind: 'unclear'; readonly text: string };

/** Made when it is first used, because it takes some 20 ms, which a start should not wait for. */
let number: Intl.NumberFormat | null = null;

/** A value for people: six significant digits. */
export function formatValue(value: number): string {
  number ??= new Intl.NumberFormat('en-US', { maximumSignificantDigits: 6 });
  return number.format(value);
}

/** Checks Y's value; `x` is X's, null where the rule does not need it. Both are finite. */
export function checkValue(rule: ValueRule, x: number | null, y: number): ValueCheck {
  return rule.kind === 'bounds' ? checkBounds(rule, y) : checkComparison(rule, x, y);
}

function checkBounds({ min, max }: Extract<ValueRule, { kind: 'bounds' }>, y: number): ValueCheck {
  const value = `${formatValue(y)} on Y`;
  if (max !== null && y > max) return { kind: 'violated', text: `${value} is above max ${formatValue(max)}` };
  if (min !== null && y < min) return { kind: 'violated', text: `${value} is below min ${formatValue(min)}` };
  return { kind: 'kept', text: `${value} is within its bounds` };
}

function checkComparison(
  { worse, timesX, overX }: Extract<ValueRule, { kind: 'comparison' }>,
  x: number | null,
  y: number,
): ValueCheck {
  if (x === null) return { kind: 'unclear', text: 'there is no value of X to compare with' };
  const values = `${formatValue(y)} on Y against ${formatValue(x)} on X`;
  // A factor above 1 would make the limit for a negative X stricter than X itself.
  if (x < 0 && timesX !== 1)
    return { kind: 'unclear', text: `${values}: a factor says nothing about a negative value` };
  const limit = worse === 'higher' ? timesX * x + overX : timesX * x - overX;
  const violated = worse === 'higher' ? y > limit : y < limit;
  if (!violated) return { kind: 'kept', text: `${values}, the limit is ${formatValue(limit)}` };
  const side = worse === 'higher' ? 'above' : 'below';
  return { kind: 'violated', text: `${values} is ${side} the limit ${formatValue(limit)}` };
}
