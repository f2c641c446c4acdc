// Copies numbers of typed arrays into plain arrays, which JSON can write. A loop does it, because spreading a
// typed array takes seven times as long, and the state of the analysis is written every second.

export const plainNumbers = (values: Float64Array): number[] => appendNumbers([], values, 0, values.length);

/** Appends values [from, to) to `numbers`, and returns it. */
export function appendNumbers(numbers: number[], values: Float64Array, from: number, to: number): number[] {
  for (let index = from; index < to; index++) numbers.push(values[index] as number);
  return numbers;
}
