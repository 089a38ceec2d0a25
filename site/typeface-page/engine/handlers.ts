import { createDecoder, type Decoder, decode, encode, lbfgs, loadDecoder, sampleCodes } from "latentflow";
import { readDataset } from "latentflow/data";
import {
  type Basis,
  COEFFICIENTS,
  COMPONENTS,
  fieldFrom,
  projected,
} from "../../../examples/typefaces/basis.ts";
import { FIELD_SIZE, letterIndex } from "../../../examples/typefaces/geometry/cell.ts";
import { completeFromRows } from "../../../examples/typefaces/linear.ts";
import { nearestRow } from "../../../examples/typefaces/nearest.ts";
import { startsOf } from "../../../examples/typefaces/starts.ts";
import { LATENT_SIZE, splitParameters, TRUNK, TRUNK_SIZE } from "../../../examples/typefaces/trunk.ts";
import type { HandlersOf } from "../../page/engine/serve.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import type { Given, TypefaceCalls } from "./messages.ts";

// Computations of the page of typefaces. Codes are found with the decoder's trunk, whose outputs are coefficients of
// orthonormal components: squared errors of coefficients equal those of pixels, and a pass costs a fraction of the whole
// decoder's.

/** State that the worker's calls share. */
export interface Workshop {
  network?: Network | undefined;
  /** Coefficients of the training styles, [styles, COEFFICIENTS]; undefined until loaded. */
  styles?: Float32Array | undefined;
}

/** The decoder and its two parts: the trunk, and the basis of components that it weights. */
interface Network {
  readonly decoder: Decoder;
  readonly trunk: Decoder;
  readonly basis: Basis;
}

/** Solver while letters are being drawn: a few steps from the last code. */
const QUICK = lbfgs({ maxSteps: 12, tolerance: 1e-4 });

/** Number of codes drawn, from which `sample` selects. */
const DRAWS = 200;

export const HANDLERS: HandlersOf<TypefaceCalls, Workshop> = {
  async load(shop, { url }, { signal, report }) {
    const decoder = await loadDecoder(await fetchBytes(url, signal, report), { signal });
    const { trunk: parameters, basis } = splitParameters(decoder.parameters);
    const trunk = createDecoder(TRUNK);
    trunk.parameters.set(parameters);
    shop.network = { decoder, trunk, basis };
    return undefined;
  },

  async complete(shop, { z0, quick = false, ...given }, { signal }) {
    const { decoder, trunk, basis } = loaded(shop);
    const { prior } = decoder;
    const starts = quick && z0 ? [z0] : startsOf(prior, LATENT_SIZE);
    const { y, weights } = targetOf(given, basis);
    const found = await encode(trunk, repeated(y, starts.length), {
      ...{ weights, prior, signal, onAbort: "return" },
      z0: joined(starts),
      ...(quick && { solver: QUICK }),
    });
    const best = found.objective.indexOf(Math.min(...found.objective));
    const z = found.z.slice(best * LATENT_SIZE, (best + 1) * LATENT_SIZE);
    return { z, alphabet: await decode(decoder, z) };
  },

  async decode(shop, { z }) {
    return decode(loaded(shop).decoder, z);
  },

  async sample(shop, { z, count, seed, ...given }, { signal }) {
    const { decoder, trunk, basis } = loaded(shop);
    const prior = decoder.prior!;
    const { y, weights } = targetOf(given, basis);
    // A squared error is a negative log-likelihood if it is divided by 2σ²; the prior's weight was chosen to be that
    // divisor.
    const scaled = weights.map((weight) => weight / prior.weight);
    const options = { weights: scaled, prior: { ...prior, weight: 1 }, count: DRAWS, seed, signal };
    const drawn = await sampleCodes(trunk, y, { z }, options);
    const heaviest = [...drawn.weights.keys()].sort((i, j) => drawn.weights[j]! - drawn.weights[i]!);
    const chosen = heaviest.slice(0, count);
    const codes = chosen.map((i) => drawn.codes.slice(i * LATENT_SIZE, (i + 1) * LATENT_SIZE));
    return {
      alphabets: await decode(decoder, joined(codes), { signal }),
      codes,
      weights: chosen.map((i) => drawn.weights[i]!),
    };
  },

  async loadStyles(shop, { url }, { signal, report }) {
    shop.styles = (await readDataset(await fetchBytes(url, signal, report), { signal })).toFloat32();
    return undefined;
  },

  async nearest(shop, { letters, fields }) {
    const { basis } = loaded(shop);
    const styles = loadedStyles(shop);
    const { row, likeness } = nearestRow(styles, basis, letters, fields);
    return { style: row, likeness, fields: fieldsOf(styles.subarray(row * COEFFICIENTS), basis) };
  },

  async linear(shop, { ridge, ...given }) {
    const { basis } = loaded(shop);
    const { y } = targetOf(given, basis);
    return fieldsOf(completeFromRows(loadedStyles(shop), given.letters, ridge, y), basis);
  },
};

function loaded({ network }: Workshop): Network {
  if (!network) throw new Error("The decoder has not been loaded: call load before.");
  return network;
}

function loadedStyles({ styles }: Workshop): Float32Array {
  if (!styles) throw new Error("The training styles have not been loaded: call loadStyles before.");
  return styles;
}

/** Returns the coefficients of the given letters, and weights that are 1 for these and 0 for others. */
function targetOf({ letters, fields }: Given, basis: Basis): { y: Float32Array; weights: Float32Array } {
  const [y, weights] = [new Float32Array(TRUNK_SIZE), new Float32Array(TRUNK_SIZE)];
  for (const [i, letter] of [...letters].entries()) {
    const index = letterIndex(letter);
    const first = index * COMPONENTS;
    y.set(projected(fields.subarray(i * FIELD_SIZE, (i + 1) * FIELD_SIZE), index, basis), first);
    weights.fill(1, first, first + COMPONENTS);
  }
  return { y, weights };
}

/** Computes the fields (rasters whose positive values are ink) of all letters from a row of coefficients. */
function fieldsOf(row: Float32Array, basis: Basis): Float32Array {
  return joined(
    Array.from({ length: COEFFICIENTS / COMPONENTS }, (_, letter) => fieldFrom(row, letter, basis)),
  );
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  for (const [i, row] of rows.entries()) all.set(row, i * row.length);
  return all;
}

function repeated(row: Float32Array, count: number): Float32Array {
  return joined(Array.from({ length: count }, () => row));
}
