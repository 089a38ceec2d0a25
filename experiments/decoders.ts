import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chooseRows, DATA, fromZero } from "../reproduce/paper-setting.ts";
import {
  type ActivationName,
  createDecoder,
  type Decoder,
  type LossName,
  loadDecoder,
  wasm,
} from "../src/index.ts";
import { AMD_IN_TRAINING } from "../src/train/check-options.ts";
import {
  adam,
  type DataSplits,
  type Dataset,
  linear,
  rmsprop,
  train,
  trainAutoencoder,
} from "../src/train/index.ts";

// The decoders that solvers are compared on. Each comes from a seed and the plain build, so that it has the same bits
// on every machine, and is kept in a folder once it has been trained; `sha256.json` says which bits.

/** A decoder, and samples that it has not been trained on. */
export interface Subject {
  readonly name: string;
  readonly decoder: Decoder;
  /** B × outputSize. */
  readonly y: Float32Array;
  /** What a table says of it. */
  readonly traits: Readonly<Record<string, string | number>>;
}

type DataName = "MNIST" | "Fashion-MNIST";

/** How a decoder comes about. */
interface Recipe {
  readonly name: string;
  readonly data: DataName;
  readonly traits: Subject["traits"];
  readonly sampleCount: number;
  /** Of the images' 28 × 28 pixels, or of 32 × 32 between which they are interpolated. */
  readonly side: 28 | 32;
  make(images: Dataset, seed: number): Promise<Decoder>;
}

const plain = wasm({ relaxed: false });
const folder = join("experiments", "decoders");
const kept = join("out", "experiments", "decoders");
const hashes: Record<string, string> = JSON.parse(readFileSync(join(folder, "sha256.json"), "utf8"));

/** What each of the paper's decoders differs in, from one with 20 latents and ELU that is trained with AMD. */
const variants: readonly { activation?: ActivationName; latents?: number; trainedWith?: "implicitAmd" }[] = [
  {},
  { trainedWith: "implicitAmd" },
  { activation: "tanh" },
  { activation: "relu" },
  { activation: "silu" },
  { latents: 2 },
  { latents: 64 },
];

/** The paper's decoder on two data sets, with both losses, in seven variants: one pass over 1,920 images. */
const ofThePaper = (["MNIST", "Fashion-MNIST"] as const).flatMap((data) =>
  (["bce", "mse"] as const).flatMap((loss) =>
    variants.map(({ activation = "elu", latents = 20, trainedWith = "amd" }): Recipe => {
      const traits = { data, loss, activation, latents, "trained with": trainedWith };
      const name = Object.values(traits).join("-").toLowerCase();
      return {
        name,
        data,
        traits,
        sampleCount: 1000,
        side: 28,
        async make(images, seed) {
          if (trainedWith === "implicitAmd") return loadDecoder(join(folder, `${name}.safetensors`));
          const untrained = createDecoder({
            layers: [latents, 150, 300, 600, 784],
            activation,
            outputActivation: "sigmoid",
            loss,
            seed,
            outputShape: [28, 28],
          });
          const { decoder } = await train(untrained, chooseRows(images, 1920, seed), {
            solver: AMD_IN_TRAINING,
            optimizer: rmsprop(),
            batchSize: 5,
            seed,
            backend: plain,
          });
          return decoder;
        },
      };
    }),
  ),
);

/** Other shapes, as autoencoders' decoders: in their latents and depth harder than the paper's. */
const others = (
  [
    ["MNIST", "bce", "relu", [20, 256, 512, 784]],
    ["MNIST", "bce", "elu", [2, 128, 256, 784]],
    ["MNIST", "bce", "elu", [64, 256, 512, 784]],
    ["Fashion-MNIST", "mse", "tanh", [32, 256, 512, 784]],
    ["Fashion-MNIST", "mse", "tanh", [64, 512, 512, 512, 512, 784]],
    ["Fashion-MNIST", "mse", "silu", [256, 512, 512, 1024]],
  ] satisfies [DataName, LossName, ActivationName, number[]][]
).map(([data, loss, activation, layers]): Recipe => {
  const side = layers.at(-1) === 1024 ? 32 : 28;
  const name = ["autoencoder", data, loss, activation, ...layers].join("-").toLowerCase();
  const traits = { data, loss, activation, latents: layers[0]!, "trained with": "encoder" };
  return {
    name,
    data,
    traits,
    sampleCount: 200,
    side,
    async make(images, seed) {
      const untrained = createDecoder({ layers, activation, loss, seed, outputShape: [side, side] });
      const y = resized(chooseRows(images, 30_000, seed), side);
      const { decoder } = await trainAutoencoder(untrained, y, {
        optimizer: adam({ learningRate: 1e-3 }),
        schedule: linear(),
        batchSize: 64,
        epochs: 4,
        seed,
        backend: plain,
      });
      return fromZero(decoder);
    },
  };
});

/** Images of 28 × 28 in another size, by linear interpolation between the pixels' centres. */
function resized(images: Float32Array, side: number): Float32Array {
  if (side === 28) return images;
  const count = images.length / 784;
  const result = new Float32Array(count * side * side);
  const places = Array.from({ length: side }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * 28) / side - 0.5, 0), 27);
    const first = Math.min(Math.floor(place), 26);
    return { first, share: place - first };
  });
  for (let image = 0; image < count; image++) {
    for (const [row, y] of places.entries()) {
      for (const [column, x] of places.entries()) {
        const pixel = (i: number, j: number) => images[image * 784 + (y.first + i) * 28 + x.first + j]!;
        const above = pixel(0, 0) * (1 - x.share) + pixel(0, 1) * x.share;
        const below = pixel(1, 0) * (1 - x.share) + pixel(1, 1) * x.share;
        result[(image * side + row) * side + column] = above * (1 - y.share) + below * y.share;
      }
    }
  }
  return result;
}

/** The one that comes with the package. */
const demo: Recipe = {
  name: "demo",
  data: "MNIST",
  sampleCount: 1000,
  side: 28,
  traits: { data: "MNIST", loss: "bce", activation: "elu", latents: 20, "trained with": "amd, long" },
  make: () => loadDecoder(join("demo", "decoder.safetensors")),
};

/** A variational autoencoder's, trained with PyTorch by an encoder: nothing holds its codes where they were trained. */
const variational: Recipe = {
  name: "variational-autoencoder-mnist",
  data: "MNIST",
  sampleCount: 200,
  side: 28,
  traits: { data: "MNIST", loss: "bce", activation: "elu", latents: 20, "trained with": "encoder" },
  make: () => loadDecoder(join(folder, "variational-autoencoder-mnist.safetensors")),
};

/** Groups of decoders: the paper's in its variants, or these and others. */
const groups = { "the paper's": ofThePaper, all: [demo, ...ofThePaper, ...others, variational] };

/**
 * The decoders of a group, one after the other; whoever takes one disposes it. They are trained where they are not kept
 * yet, which takes half an hour together.
 *
 * @param seed of the parameters, of the images and of their order
 * @throws Error where a decoder has other bits than when `sha256.json` was written
 */
export async function* subjects(group: keyof typeof groups, seed = 0): AsyncGenerator<Subject> {
  const splits: { [Name in DataName]?: DataSplits } = {};
  for (const { name, traits, sampleCount, side, data, make } of groups[group]) {
    splits[data] ??= await DATA[data]();
    const { train: images, test } = splits[data];
    const decoder = await keptOr(`${name}-seed-${seed}`, () => make(images, seed));
    yield { name, decoder, y: resized(test.slice(0, sampleCount).toFloat32(), side), traits };
  }
}

async function keptOr(name: string, make: () => Promise<Decoder>): Promise<Decoder> {
  const file = join(kept, `${name}.safetensors`);
  if (!existsSync(file)) {
    const made = await make();
    mkdirSync(kept, { recursive: true });
    writeFileSync(file, made.toSafetensors());
    made.dispose();
  }
  const decoder = await loadDecoder(file);
  const hash = createHash("sha256").update(decoder.parameters).digest("hex");
  hashes[name] ??= hash;
  if (hashes[name] !== hash) {
    throw new Error(
      `${name}: its parameters have the hash ${hash}, expected ${hashes[name]}; remove ${file}`,
    );
  }
  return decoder;
}

/** Keeps the hashes of decoders that had none. */
export function writeHashes(): void {
  writeFileSync(join(folder, "sha256.json"), `${JSON.stringify(hashes, undefined, 2)}\n`);
}
