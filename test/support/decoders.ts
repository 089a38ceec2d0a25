import {
  add,
  concat,
  conv,
  convTranspose,
  dense,
  elu,
  embedding,
  graph,
  groupNorm,
  reshape,
  sequential,
  sigmoid,
  softplus,
  tanh,
} from "../../src/graph/index.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import { allKinds } from "./all-kinds.ts";
import { randomArray } from "./random.ts";

/** A decoder with samples of its own size and what is given with them. */
export interface DecoderCase {
  readonly name: string;
  /** A new one, to be disposed. */
  make(): Decoder;
  readonly sampleCount: number;
  /** The numbers of a sample. */
  readonly size: number;
  /** sampleCount × size, in [0, 1]. */
  readonly y: Float32Array;
  /** Options of calls: what is given with all samples. */
  readonly given: { readonly fixed?: Record<string, Float32Array | Uint8Array>; readonly points?: number };
  /** The same for some of the samples, by their numbers. */
  givenFor(samples: readonly number[]): DecoderCase["given"];
}

const SAMPLES = 7;
const POINTS = 6;

/** One of each sort that people bring: layers, a DCGAN, one over points with a skip, one with conditions, all kinds. */
export const decoderCases: readonly DecoderCase[] = [
  decoderCase("layers", 9, () =>
    createDecoder({ layers: [3, 12, 17, 9], seed: 1, loss: "bce", outputShape: [3, 3] }),
  ),
  decoderCase("a DCGAN", 8 * 8 * 2, () =>
    createDecoder(
      sequential(3, [
        ...[dense(2 * 2 * 12), elu(), reshape([2, 2, 12])],
        ...[
          convTranspose({ channels: 8, kernel: 4, stride: 2, padding: 1 }),
          groupNorm({ groups: 4 }),
          elu(),
        ],
        ...[convTranspose({ channels: 6, kernel: 4, stride: 2, padding: 1 }), elu()],
        ...[conv({ channels: 2, kernel: 3, padding: 1 }), sigmoid()],
      ]),
      { seed: 2, loss: "bce" },
    ),
  ),
  decoderCase(
    "points with a skip",
    POINTS,
    () =>
      createDecoder(
        graph(({ latent, points }) => {
          const [z, x] = [latent(3), points("xyz", 3)];
          const h = elu()(dense(16)(concat()(z, x)));
          return tanh()(dense(1)(add()(h, softplus()(dense(16)(concat()(h, x))))));
        }),
        { seed: 3, loss: "mse" },
      ),
    { xyz: { size: 3 * POINTS, values: randomArray(11, 3 * POINTS * SAMPLES, -1, 1) } },
  ),
  decoderCase(
    "conditions",
    9,
    () =>
      createDecoder(
        graph(({ latent, fixed }) => {
          const [z, label, kind] = [latent(3), fixed("label", 4), fixed("kind", { classes: 5 })];
          const h = tanh()(dense(17)(concat()(z, label, embedding({ classes: 5, units: 6 })(kind))));
          return sigmoid()(dense(9)(h));
        }),
        { seed: 4, loss: "mse" },
      ),
    {
      // One for all, and one for each.
      label: { size: 4, values: randomArray(12, 4, -1, 1) },
      kind: { size: 1, values: Uint8Array.from({ length: SAMPLES }, (_, i) => i % 5) },
    },
  ),
  decoderCase("all kinds", 15, () => createDecoder(allKinds, { seed: 5, loss: "bce" })),
];

interface GivenInput {
  readonly size: number;
  readonly values: Float32Array | Uint8Array;
}

function decoderCase(
  name: string,
  size: number,
  make: () => Decoder,
  inputs: Record<string, GivenInput> = {},
): DecoderCase {
  const isOverPoints = name.startsWith("points");
  const options = (choose: (input: GivenInput) => Float32Array | Uint8Array) => ({
    ...(Object.keys(inputs).length > 0 && {
      fixed: Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, choose(input)])),
    }),
    ...(isOverPoints && { points: POINTS }),
  });
  return {
    name,
    make,
    size,
    sampleCount: SAMPLES,
    y: randomArray(10, SAMPLES * size, 0, 1),
    given: options(({ values }) => values),
    givenFor: (samples) =>
      options(({ values, size: each }) => {
        if (values.length === each) return values;
        const rows = samples.flatMap((sample) => [...values.subarray(sample * each, (sample + 1) * each)]);
        return values instanceof Uint8Array ? Uint8Array.from(rows) : Float32Array.from(rows);
      }),
  };
}
