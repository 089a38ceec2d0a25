import { checkNumber, checkOptions, withDefaults } from "../base/check.ts";
import { MAX_COUNT } from "./base.ts";

/** Options that `amd` and `lbfgs` have in common. */
export interface DescentOptions {
  readonly slope: number;
  readonly tolerance: number;
  readonly maxSteps: number;
}

/** Completes options by the defaults and checks those that `amd` and `lbfgs` have in common. */
export function completeOptions<Options extends DescentOptions>(
  where: string,
  defaults: Options,
  options: { readonly [Name in keyof Options]?: Options[Name] | undefined },
): Options {
  checkOptions(where, options, defaults);
  const all = withDefaults(defaults, options);
  checkNumber(where, "slope", all.slope, { min: 0, below: 1 });
  checkNumber(where, "tolerance", all.tolerance, { min: 0 });
  checkNumber(where, "maxSteps", all.maxSteps, { min: 0, max: MAX_COUNT, integer: true });
  return all;
}
