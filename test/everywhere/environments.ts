import { environments as browsers } from "./browsers.ts";
import { environments as bundlers } from "./bundlers.ts";
import type { Environment } from "./environment.ts";
import { environments as frameworks } from "./frameworks.ts";
import { environments as node } from "./node.ts";
import { environments as runtimes } from "./runtimes.ts";
import { environments as testRunners } from "./test-runners.ts";
import { environments as typescript } from "./typescript.ts";

/** All that the package is tried in, in the order of the table. */
export const environments: readonly Environment[] = [
  ...node,
  ...runtimes,
  ...browsers,
  ...bundlers,
  ...frameworks,
  ...testRunners,
  ...typescript,
];
