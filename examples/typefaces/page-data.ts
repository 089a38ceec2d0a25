// Data of the site's page: directions of weight, slant and width among the codes, and the training styles.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { float16Npy } from "../../scripts/float16-npy.ts";
import { joinValues } from "../../src/files/array.ts";
import { type Decoder, encode, wasm } from "../../src/index.ts";
import type { Prior } from "../../src/terms/priors.ts";
import { COEFFICIENTS, coefficientsOf } from "./basis.ts";
import { chooseLinear } from "./choose.ts";
import { loadPart, loadVariation, type Samples, type VariedSamples } from "./dataset.ts";
import { createTrunk } from "./decoders.ts";
import { covarianceOf } from "./linear.ts";
import { factorise, solve } from "./positive-definite.ts";
import { LATENT_SIZE, splitParameters, TRUNK_SIZE } from "./trunk.ts";

const folder = fileURLToPath(new URL("../../site/typeface-page/data/", import.meta.url));

/** Letters given when the ridge of the linear completion is chosen. */
const GIVEN_COUNT = 3;

/** Computes the page's data with a decoder, and writes the files. */
export async function writePageData(decoder: Decoder): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { trunk: parameters, basis } = splitParameters(decoder.parameters);
  const trunk = createTrunk(0);
  trunk.parameters.set(parameters);
  const prepare = <T extends Samples>(samples: T) => ({
    ...samples,
    rows: coefficientsOf(samples.values, basis),
  });

  const training = prepare(await loadPart("training"));
  const coefficients = joinValues(
    training.styles.map((_, i) => training.rows.subarray(i * TRUNK_SIZE, i * TRUNK_SIZE + COEFFICIENTS)),
  );
  write("styles.npy", float16Npy(coefficients, [training.styles.length, COEFFICIENTS]));
  const families = [...new Set(training.styles.map(({ family }) => family))];
  const covariances = [covarianceOf(training.rows, TRUNK_SIZE, COEFFICIENTS)];
  const { ridge } = chooseLinear(prepare(await loadPart("validation")), basis, covariances, GIVEN_COUNT);
  writeJson("styles.json", {
    ridge,
    families: families.map(({ name, author }) => ({ name, author })),
    styles: training.styles.map(({ family, weight, isItalic }) => ({
      family: families.indexOf(family),
      weight,
      isItalic,
    })),
  });
  const changed = prepare(await loadVariation(0));
  writeJson("directions.json", await directionsOf(trunk, decoder.prior!, training, changed));
}

/** Samples with their coefficients, [styles, TRUNK_SIZE]. */
interface WithRows {
  readonly rows: Float32Array;
}

/**
 * Fits how codes move when styles are changed: the least squares of differences between the codes of each training style
 * as it is and varied, on what the variation was.
 *
 * @param changed the first variations of the training styles
 * @returns for each change what one of it adds to a code: a pixel of thickness, a pixel to the right for each pixel up, and
 *   a factor of e on widths
 */
async function directionsOf(
  trunk: Decoder,
  prior: Prior,
  training: Samples & WithRows,
  changed: VariedSamples & WithRows,
) {
  const indices = new Map(training.styles.map(({ file }, i) => [file, i]));
  const pairs = changed.styles.flatMap(({ file }, varied) => {
    const plain = indices.get(file);
    return plain === undefined ? [] : [{ plain, varied }];
  });
  const rowsOf = ({ rows }: WithRows, which: "plain" | "varied") =>
    joinValues(pairs.map((pair) => rows.subarray(pair[which] * TRUNK_SIZE, (pair[which] + 1) * TRUNK_SIZE)));
  const options = { prior, backend: wasm({ threads: 1 }) };
  const before = await encode(trunk, rowsOf(training, "plain"), options);
  const after = await encode(trunk, rowsOf(changed, "varied"), { ...options, z0: before.z });
  const changes = pairs.map(({ varied }) => {
    const { thicker, slant, stretch } = changed.variations[varied]!;
    return [thicker, slant, Math.log(stretch)];
  });
  const normal = new Float64Array(9);
  for (const change of changes) {
    for (let a = 0; a < 3; a++) for (let b = 0; b < 3; b++) normal[3 * a + b]! += change[a]! * change[b]!;
  }
  factorise(normal, 3);
  const directions = Array.from({ length: 3 }, () => new Array<number>(LATENT_SIZE));
  for (let d = 0; d < LATENT_SIZE; d++) {
    const sums = new Float64Array(3);
    for (const [k, change] of changes.entries()) {
      const moved = after.z[k * LATENT_SIZE + d]! - before.z[k * LATENT_SIZE + d]!;
      for (let a = 0; a < 3; a++) sums[a]! += change[a]! * moved;
    }
    for (const [a, value] of solve(normal, sums).entries()) directions[a]![d] = Number(value.toPrecision(5));
  }
  const [weight, slant, width] = directions;
  return { weight, slant, width };
}

function write(name: string, bytes: Uint8Array | string): void {
  writeFileSync(join(folder, name), bytes);
  console.log(`${name}: ${(bytes.length / 1000).toFixed(1)} kB`);
}

function writeJson(name: string, value: unknown): void {
  write(name, `${JSON.stringify(value)}\n`);
}
