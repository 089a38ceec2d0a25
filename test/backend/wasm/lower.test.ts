// run: both
// Tests src/backend/wasm/kernel-operations.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lowerGraph } from "../../../src/backend/wasm/lower.ts";
import {
  add,
  averagePool,
  concat,
  dense,
  expand,
  type GraphDefinition,
  graph,
  type Layer,
  mul,
  pad,
  permute,
  reshape,
  resize,
  sequential,
  slice,
  softmax,
  sum,
  tanh,
  upsample,
  type Value,
} from "../../../src/graph/index.ts";
import { linearMap } from "../../../src/graph/linear-map.ts";
import type { MapKind } from "../../../src/graph/map-kind.ts";
import { KINDS } from "../../../src/graph/operations.ts";
import { readDefinition } from "../../../src/graph/read-definition.ts";
import { createDecoder, gaussian, squaredError, wasm } from "../../../src/index.ts";
import { bindObjective } from "../../support/objective.ts";

// What the kernels are given: no more operations, copies or memory than a graph needs. Wrong numbers other tests find.

const lowered = (definition: GraphDefinition) => lowerGraph(createDecoder(definition));
const kindsOf = (definition: GraphDefinition) => lowered(definition).operations.map(({ kind }) => kind);

test("a chain has no forks, and reshapes are nothing", () => {
  assert.equal(
    kindsOf(sequential(3, [dense(4), tanh(), reshape([2, 2]), softmax(), reshape([4]), dense(2)])),
    ["dense", "activation", "softmax", "dense"],
  );
});

test("values are stretched only where they differ", () => {
  const product = (a: readonly number[], b: readonly number[]) =>
    kindsOf(
      graph(({ latent }) => {
        const z = latent(6);
        return mul()(reshape(a)(dense(6)(z)), reshape(b)(dense(b.length === 1 ? 3 : 6)(z)));
      }),
    );
  assert.equal(product([2, 3], [2, 3]), ["fork", "dense", "dense", "product"]);
  assert.equal(product([2, 3], [3]), ["fork", "dense", "dense", "map", "product"]);
});

test("a latent that an activation reads keeps its numbers, of which the prior is", async () => {
  const first = tanh();
  for (const layers of [[first, dense(4)], [reshape([1, 3]), softmax(), reshape([3]), dense(4)], [first]]) {
    const decoder = createDecoder(sequential(3, layers), { seed: 1 });
    const n = decoder.outputSize;
    const y = new Float32Array(n).fill(0.3);
    const z = Float64Array.of(2, -1, 0.5);
    const [rows, loss] = [Int32Array.of(0), squaredError()];
    const without = await bindObjective(wasm(), decoder, loss, y);
    const withPrior = await bindObjective(wasm(), decoder, loss, y, undefined, 1, [], gaussian());
    const difference = async (of: (objective: typeof without) => Promise<Float64Array>) => {
      const [a, b] = [await of(withPrior), await of(without)];
      return a.map((value, i) => value - b[i]!);
    };
    const [value] = await difference((objective) => objective.value(rows, z));
    const gradient = await difference((objective) => objective.gradient(rows));
    // The prior is |z|²/2, and n its divisor. float32 rounds at 6e-8.
    assert.ok(Math.abs(value! - 5.25 / 2 / n) < 1e-6, `${value}`);
    gradient.forEach((slope, k) => {
      assert.ok(Math.abs(slope - z[k]! / n) < 1e-6, `${slope}`);
    });
  }
});

test("only what an activation writes over is copied", () => {
  const { operations, aliases } = lowered(
    graph(({ latent }) => {
      const h = dense(5)(latent(3));
      return add()(tanh()(h), mul()(dense(5)(h), h));
    }),
  );
  const forks = operations.flatMap((operation) => (operation.kind === "fork" ? [operation] : []));
  assert.is(forks.length, 1);
  const { input, branches } = forks[0]!;
  assert.equal(
    branches.map(({ isCopy }) => isCopy),
    [true, false, false],
  );
  assert.equal(
    branches.map(({ value }) => aliases[value]),
    [undefined, input, input],
  );
});

test("tangents take as many slots as there are values at a time", () => {
  const chain = lowered(
    sequential(
      3,
      Array.from({ length: 50 }, (_, i) => dense(3 + (i % 5))),
    ),
  );
  assert.is(new Set(chain.slots).size, 2);
  const residual = lowered(
    graph(({ latent }) => {
      let h: Value = dense(5)(latent(3));
      for (let i = 0; i < 50; i++) h = add()(h, tanh()(dense(5)(h)));
      return h;
    }),
  );
  // What is added to, the branch, and the sum of both.
  assert.is(new Set(residual.slots).size, 3);
});

test("numbers that lie one after the other are moved together", () => {
  const widthOf = (shape: readonly number[], axes: readonly number[]) => {
    const { operations } = lowered(sequential(60, [reshape(shape), permute(axes)]));
    const map = operations.flatMap((operation) => (operation.kind === "map" ? [operation.map] : []))[0]!;
    return [map.width, map.destinations.length];
  };
  assert.equal(widthOf([3, 4, 5], [1, 0, 2]), [5, 12]);
  assert.equal(widthOf([3, 4, 5], [1, 2, 0]), [1, 60]);
  assert.equal(widthOf([3, 20, 1], [1, 0, 2]), [1, 60]);
  assert.equal(widthOf([3, 1, 20], [1, 0, 2]), [60, 1]);
  assert.equal(widthOf([1, 2, 30], [1, 0, 2]), [60, 1]);
  assert.is(linearMap([], 1).width, 1);
  const { operations } = lowered(
    graph(({ latent, points }) => dense(2)(concat()(latent(4), points("xyz", 3)))),
  );
  const maps = operations.flatMap((operation) => (operation.kind === "map" ? [operation.map] : []));
  assert.equal(
    maps.map(({ width, destinations }) => [width, [...destinations]]),
    [
      [4, [0]],
      [3, [4]],
    ],
  );
});

test("how many entries a map has is known without listing them", () => {
  /** How many there are, and how many were to be expected, along each axis that a layer changes. */
  const counts = (shape: readonly number[], layer: Layer) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const { operations } = readDefinition(sequential(size, [reshape(shape), layer]));
    const operation = operations.at(-1)!;
    const { axes } = KINDS[operation.kind] as unknown as MapKind<object>;
    return axes(operation, [shape], 0).flatMap((axis) => {
      if (axis.isIdentity) return [];
      let listed = 0;
      for (let at = 0; at < axis.length; at++) listed += Math.max(axis.terms(at)?.length ?? 0, 1);
      return [[listed, axis.entries] as const];
    });
  };
  let checked = 0;
  for (let length = 1; length <= 5; length++) {
    const exact: Layer[] = [
      ...[slice({ axis: 0, start: length - 1, step: -1 }), sum({ axes: [0], keepAxes: true })],
      ...[expand([length, 3]), pad({ padding: [2, 1] }), pad({ padding: 2, mode: "edge" })],
      averagePool({ kernel: length }),
    ];
    if (length > 2) exact.push(pad({ padding: 2, mode: "reflect" }));
    const bounded: Layer[] = length > 2 ? [averagePool({ kernel: 3, stride: 2, padding: 2 })] : [];
    for (let scale = 1; scale <= 6; scale++) {
      exact.push(upsample({ scale }), upsample({ scale, mode: "bilinear" }));
      bounded.push(upsample({ scale, mode: "bilinear", alignCorners: true }));
    }
    for (const size of [1, 3, 5, 17]) {
      exact.push(resize({ size }));
      bounded.push(resize({ size, mode: "linear" }));
    }
    for (const layer of exact) {
      for (const [listed, entries] of counts([length, 3], layer)) {
        assert.is(entries, listed);
        checked++;
      }
    }
    for (const layer of bounded) {
      for (const [listed, entries] of counts([length, 3], layer)) {
        assert.ok(entries >= listed && entries <= 2 * listed, `${entries} for ${listed}`);
        checked++;
      }
    }
  }
  assert.ok(checked > 100);
});

test.run();
