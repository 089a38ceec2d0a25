import { dense, type Layer, sequential } from "../../../src/graph/index.ts";
import type { GraphDefinition } from "../../../src/index.ts";

/** Dense layers of these sizes with an activation between them, and what follows the last. */
export function mlp(
  sizes: readonly number[],
  activation: () => Layer,
  end: readonly Layer[] = [],
): GraphDefinition {
  const [latents, ...units] = sizes;
  const layers = units.flatMap((size, i) => (i === 0 ? [dense(size)] : [activation(), dense(size)]));
  return sequential(latents!, [...layers, ...end]);
}
