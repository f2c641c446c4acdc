// Writing to a slab: the increments that workers do per request. One writer per slab, plain stores.

export function increment(slab: Float64Array, index: number): void {
  slab[index] = (slab[index] as number) + 1;
}

export function add(slab: Float64Array, index: number, amount: number): void {
  slab[index] = (slab[index] as number) + amount;
}
