// Collects the garbage of a thread that makes little of it. V8 collects when a heap has grown by 16 MiB: the
// garbage of a start would stay for as long as the process runs, and that of a quiet thread for hours.
// Traffic is left to V8, which collects a worker's heap beside its work; a thread that calls this stands
// still meanwhile, some 20 ms for 20 MiB.

/** Between two looks at the heap; the first comes when a start has settled. */
const lookEveryMs = 20_000;
const firstLookMs = 3_000;
/** Less growth than this since the last collection is not worth one. */
const growthBytesMin = 3 * 1024 * 1024;

/**
 * From now on; does nothing in a process without `--expose-gc`, as one is that was not started by
 * bin/crossover.
 */
export function collectRegularly(): void {
  const collect = globalThis.gc;
  if (collect === undefined) return;
  let bytesAfterLast = 0;
  const look = () => {
    if (process.memoryUsage().heapUsed < bytesAfterLast + growthBytesMin) return;
    void collect();
    bytesAfterLast = process.memoryUsage().heapUsed;
  };
  setTimeout(() => {
    look();
    setInterval(look, lookEveryMs).unref();
  }, firstLookMs).unref();
}
