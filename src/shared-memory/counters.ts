// Increments of counters in a slab, which workers make for each request. A slab has one writer, so plain
// stores are enough.

export function increment(slab: Float64Array, index: number): void {
  slab[index] = (slab[index] as number) + 1;
}

export function add(slab: Float64Array, index: number, amount: number): void {
  slab[index] = (slab[index] as number) + amount;
}
