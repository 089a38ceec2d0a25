import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Decoder, loadDecoder, wasm } from "../../src/index.ts";
import { adam, cosine, encodeWith, trainAutoencoder } from "../../src/train/index.ts";
import { outFolder, readFloats, sourcesHash } from "./cache.ts";
import { createTrunk } from "./decoders.ts";
import { TRUNK_SIZE } from "./trunk.ts";

/** A trained trunk, and the codes of the training styles as they are. */
export interface TrainedTrunk {
  readonly trunk: Decoder;
  /** [styles, LATENT_SIZE] */
  readonly codes: Float32Array;
}

/** Passes over the training styles and their variations. */
const EPOCHS = 36;

/**
 * Trains a trunk together with an encoder, of which only the codes are kept afterwards. A trunk that was trained before is
 * read; a run that was ended goes on from its last checkpoint.
 *
 * @param own coefficients of the training styles, [count, TRUNK_SIZE]
 * @param all the same, and those of the variations
 * @param seed of weights and mini-batches
 */
export async function trainTrunk(own: Float32Array, all: Float32Array, seed: number): Promise<TrainedTrunk> {
  const name = join(outFolder, `trunk-${seed}-${sourcesHash()}`);
  const file = `${name}.safetensors`;
  if (!existsSync(file)) {
    mkdirSync(outFolder, { recursive: true });
    const start = process.cpuUsage();
    const samples = all.length / TRUNK_SIZE;
    const { decoder, encoder } = await trainAutoencoder(createTrunk(seed), all, {
      seed,
      epochs: EPOCHS,
      batchSize: 32,
      optimizer: adam({ learningRate: 1e-3 }),
      schedule: cosine(),
      gradientClip: 0.5,
      backend: wasm({ threads: 1 }),
      checkpoint: { file: `${name}.checkpoint`, resume: true, everySeconds: 60 },
      onProgress({ images, total, loss, secondsLeft }) {
        if (images % (5 * samples) !== 0 && images !== total) return;
        console.log(
          `seed ${seed}, epoch ${images / samples}: ${loss.toFixed(5)}, ${secondsLeft.toFixed(0)} s left`,
        );
      },
    });
    writeFileSync(`${name}.codes`, await encodeWith(encoder, own));
    // Last, since a trunk that is there has its codes.
    writeFileSync(`${file}.part`, decoder.toSafetensors());
    renameSync(`${file}.part`, file);
    const { user, system } = process.cpuUsage(start);
    console.log(`seed ${seed}: trained in ${((user + system) / 1e6).toFixed(0)} CPU seconds`);
  }
  return { trunk: await loadDecoder(readFileSync(file)), codes: readFloats(`${name}.codes`) };
}

/** Hash of a trunk's weights, by which files are named that follow from them. */
export function hashOf({ parameters }: Decoder): string {
  return createHash("sha256").update(parameters).digest("hex").slice(0, 12);
}
