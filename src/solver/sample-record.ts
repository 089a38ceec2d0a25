import { Sample } from "../kernels/layout.ts";
import { PER_SAMPLE, type Solution } from "./solution.ts";

/** Copies the numbers of a Sample struct, all but its z, into a solution. */
export function collectRecord(view: DataView, record: number, solution: Solution, sample: number): void {
  const of = (name: Parameters<typeof Sample.get>[2]) => Sample.get(view, record, name);
  for (const name of PER_SAMPLE) {
    solution[name][sample] = name === "gradientNorm" ? Math.sqrt(of("gradientNormSquared")) : of(name);
  }
}
