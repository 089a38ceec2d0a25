import { test } from "uvu";
import * as assert from "uvu/assert";
import { residentRows } from "../../../src/backend/wasm/batch-size.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { dense, expand, mean, sequential } from "../../../src/graph/index.ts";
import { graphOfLayers } from "../../../src/graph/layers.ts";
import { createDecoder } from "../../../src/index.ts";

/** Layers of these sizes, without parameters. */
function graphOf(sizes: readonly number[]): Graph {
  const layers = sizes.slice(1).map((outputSize, i) => ({
    name: `${i}`,
    inputSize: sizes[i]!,
    outputSize,
    activation: { name: "elu", alpha: 1 } as const,
  }));
  return graphOfLayers(layers, [sizes.at(-1)!]);
}

test("in a page wide decoders keep fewer rows, elsewhere more: a pass is short, or the weights are shared", () => {
  const rows = (sizes: readonly number[], isPage: boolean) => residentRows(graphOf(sizes), isPage);
  const paper = (width: number) => [20, 150 * width, 300 * width, 600 * width, 784];
  for (const isPage of [true, false]) assert.is(rows(paper(1), isPage), 48);
  // It took 80 ms a round with 48 rows.
  assert.ok(rows([2, 200_000], true) <= 6);
  assert.is(rows([2, 200_000], false), 48);
  // The paper's decoder with hidden layers four and eight times as wide.
  assert.is(rows(paper(4), false), 96);
  assert.is(rows(paper(8), false), 96);
  assert.ok(rows(paper(8), true) <= 12);
  for (const isPage of [true, false]) assert.is(rows([1e5, 1e5], isPage), 1);
});

test("values that are large and cost little keep as many rows as 256 MiB hold, three numbers for each value", () => {
  const decoder = createDecoder(sequential(2, [dense(1), expand([2 ** 21, 1]), mean({ axes: [0] })]), {
    loss: "mse",
  });
  assert.is(residentRows(decoder, false), Math.floor(2 ** 28 / (3 * 4 * 2 ** 21)));
});

test.run();
