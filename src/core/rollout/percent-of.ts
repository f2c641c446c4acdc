// A weight as people read it.
import { PPM } from '#src/limits.ts';

/** Parts per million as percent, without floating-point noise: 1 ppm is 0.0001 %. */
export const percentOf = (ppm: number): number => ppm / (PPM / 100);
