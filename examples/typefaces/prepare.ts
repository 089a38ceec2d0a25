import { joinValues } from "../../src/files/array.ts";
import { type Basis, COMPONENTS, coefficientsOf, principalComponents } from "./basis.ts";
import { cached } from "./cache.ts";
import { loadPart, loadVariations, type Samples } from "./dataset.ts";
import type { Part } from "./families.ts";
import { FIELDS_SIZE } from "./geometry/cell.ts";

/** The components of the training styles' letters. */
export async function loadBasis(): Promise<Basis> {
  const values = await cached("basis", async () => {
    const { mean, components } = principalComponents((await loadPart("training")).values);
    return joinValues([mean, components]);
  });
  const mean = values.subarray(0, FIELDS_SIZE);
  return { mean, components: values.subarray(FIELDS_SIZE, (1 + COMPONENTS) * FIELDS_SIZE) };
}

/** A part of the split: samples, and their coefficients as a trunk has them. */
export interface PreparedPart extends Samples {
  /** [styles, TRUNK_SIZE] */
  readonly rows: Float32Array;
}

/** Loads a part of the split with its coefficients. */
export async function preparePart(part: Part): Promise<PreparedPart> {
  const samples = await loadPart(part);
  const basis = await loadBasis();
  return { ...samples, rows: await cached(`rows-${part}`, () => coefficientsOf(samples.values, basis)) };
}

/** Coefficients of the variations of the training styles, [count, TRUNK_SIZE]. */
export function prepareVariations(): Promise<Float32Array> {
  return cached("rows-variations", async () => coefficientsOf(await loadVariations(), await loadBasis()));
}

/** The parts of the split. */
export interface Parts {
  readonly training: PreparedPart;
  readonly validation: PreparedPart;
  readonly test: PreparedPart;
}

/** Loads all parts of the split. */
export async function prepareParts(): Promise<Parts> {
  const training = await preparePart("training");
  return { training, validation: await preparePart("validation"), test: await preparePart("test") };
}
