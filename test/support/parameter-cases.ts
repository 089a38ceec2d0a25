import { concat, conv, dense, embedding, graph, reshape, sequential, tanh } from "../../src/graph/index.ts";
import type { Decoder } from "../../src/index.ts";
import { allKinds } from "./all-kinds.ts";
import { AWKWARD_CONVOLUTIONS } from "./awkward-convolutions.ts";
import { decoderOf } from "./operation-cases.ts";
import { randomGraph } from "./random-graph.ts";

const CLASSES = 3;

/** Decoders that together have parameters of every kind, in sizes with tails, by what is special about them. */
export const PARAMETER_CASES: Readonly<Record<string, () => Decoder>> = Object.fromEntries(
  Object.entries({
    ...AWKWARD_CONVOLUTIONS,
    "dense layers": sequential(3, [dense(17), tanh(), dense(1), dense(3), tanh(), dense(5), dense(30)]),
    "1×1, from many channels to few": sequential(3, [
      ...[dense(4 * 17), tanh(), reshape([2, 2, 17]), conv({ channels: 12, kernel: 1 }), tanh()],
      conv({ channels: 3, kernel: 3, padding: 1 }),
    ]),
    "an embedding": graph(({ latent, fixed }) =>
      dense(9)(
        concat()(latent(2), embedding({ classes: CLASSES, units: 5 })(fixed("kind", { classes: CLASSES }))),
      ),
    ),
    "all kinds": allKinds,
    "a random graph": randomGraph(1),
    "another random graph": randomGraph(2),
  }).map(([name, definition]) => [name, () => decoderOf(definition)]),
);

/** Values for the fixed inputs of these decoders, of which each is a class. */
export function fixedFor({ fixedInputs }: Decoder, sampleCount: number): Float32Array[] {
  return fixedInputs.map(() => Float32Array.from({ length: sampleCount }, (_, i) => i % CLASSES));
}
