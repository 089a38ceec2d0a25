import {
  activation,
  concat,
  dense,
  type GraphDefinition,
  graph,
  reshape,
  rmsNorm,
} from "../../src/graph/index.ts";
import { Dice, EPSILON, MOST_NUMBERS, OPERATION_KINDS, type Shaped, size } from "./operation-kinds.ts";

// Graphs of any kinds of operation, drawn by a seed.

const DRAWS = Object.values(OPERATION_KINDS).flatMap(({ draw }) => draw ?? []);

/** A graph of some twenty operations; the same for the same seed. */
export function randomGraph(seed: number): GraphDefinition {
  const dice = new Dice(seed);
  return graph(({ latent }) => {
    const latentSize = dice.from(1, 4);
    const z = { value: latent(latentSize), shape: [latentSize] };
    const seeded = dice.of([[3], [2, 3], [2, 1, 3], [3, 2, 2]]);
    const values: Shaped[] = [z, { value: reshape(seeded)(dense(size(seeded))(z.value)), shape: seeded }];
    const wanted = dice.from(8, 20);
    while (values.length < wanted) {
      // Mostly of the last few, or there would be no depth.
      const x = dice.from(0, 2) === 0 ? dice.of(values) : dice.of(values.slice(-2));
      const made = dice.of(DRAWS)(dice, x, values);
      if (made && size(made.shape) <= MOST_NUMBERS) values.push(made);
    }
    // All of them lead to the output, most of them a second time.
    const some = [z, ...values.slice(1).filter(() => dice.from(0, 2) > 0), values.at(-1)!];
    // Normalised, or the last function would be saturated.
    const flat = some.map(({ value, shape }) => rmsNorm({ epsilon: EPSILON })(reshape([size(shape)])(value)));
    const bent = activation("tanh")(dense(dice.from(1, 5))(concat()(...flat)));
    return dice.from(0, 1) === 0 ? bent : dense(3)(bent);
  });
}
