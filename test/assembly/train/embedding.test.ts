import { test } from "uvu";
import * as assert from "uvu/assert";
import { parametersOf } from "../../../src/graph/graph.ts";
import { concat, dense, embedding, graph } from "../../../src/graph/index.ts";
import { amd, createDecoder } from "../../../src/index.ts";
import { createDataset, sgd, train } from "../../../src/train/index.ts";
import { builds } from "../../support/builds.ts";
import { randomArray } from "../../support/random.ts";

const [CLASSES, SIZE, SAMPLES] = [3, 5, 7];
const y = randomArray(1, SAMPLES * SIZE, 0, 1);
const kinds = Uint8Array.from({ length: SAMPLES }, (_, i) => (i * i) % CLASSES);

for (const { name, backend } of builds) {
  test(`${name}: the gradient for a table of every number of units is that of float64`, async () => {
    for (let units = 1; units <= 9; units++) {
      const decoder = createDecoder(
        graph(({ latent, fixed }) =>
          dense(SIZE)(
            concat()(latent(2), embedding({ classes: CLASSES, units })(fixed("kind", { classes: CLASSES }))),
          ),
        ),
        { seed: units, loss: "mse" },
      );
      const data = createDataset(y, { shape: [SIZE] });
      const { decoder: trained } = await train(decoder, data, {
        solver: amd({ maxSteps: 0 }),
        optimizer: sgd({ learningRate: 1 }),
        fixed: { kind: kinds },
        batchSize: SAMPLES,
        epochs: 1,
        backend,
      });
      const [before, after] = [decoder.parameters, trained.parameters];
      const [table, weight, bias] = parametersOf(decoder) as [Place, Place, Place];
      assert.equal([table.size, weight.size, bias.size], [CLASSES * units, SIZE * (2 + units), SIZE]);
      // Flows stay at z = 0: o = W e + b, and the loss is the sum over samples of the mean over values of (o - y)².
      const gradient = new Float64Array(table.size);
      for (const [sample, kind] of kinds.entries()) {
        for (let o = 0; o < SIZE; o++) {
          const row = weight.offset + o * (2 + units) + 2;
          let output = before[bias.offset + o]!;
          for (let u = 0; u < units; u++)
            output += before[row + u]! * before[table.offset + kind * units + u]!;
          const slope = (2 * (output - y[sample * SIZE + o]!)) / SIZE;
          for (let u = 0; u < units; u++) gradient[kind * units + u]! += slope * before[row + u]!;
        }
      }
      for (const [i, expected] of gradient.entries()) {
        const found = before[table.offset + i]! - after[table.offset + i]!;
        assert.ok(Math.abs(found - expected) < 1e-6, `${units} units, ${i}: ${found}, ${expected}`);
      }
    }
  });
}

type Place = ReturnType<typeof parametersOf>[number];

test.run();
