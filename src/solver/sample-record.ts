import { Sample } from "../kernels/layout.ts";
import { PER_SAMPLE_NAMES, type Solution } from "./solution.ts";

/**
 * Copies the results in a kernel's Sample struct, all but z, into a solution.
 *
 * @param record pointer to the struct
 */
export function collectRecord(view: DataView, record: number, solution: Solution, sample: number): void {
  for (const name of PER_SAMPLE_NAMES) {
    solution[name][sample] =
      name === "gradientNorm"
        ? Math.sqrt(Sample.get(view, record, "gradientNormSquared"))
        : Sample.get(view, record, name);
  }
}
