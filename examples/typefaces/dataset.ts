// Samples of the families' styles.
import { joinValues } from "../../src/files/array.ts";
import { cached } from "./cache.ts";
import { type Part, readFamilies } from "./families.ts";
import { SAMPLE_SIZE } from "./geometry/cell.ts";
import { sampleOf, UNCHANGED, type Variation } from "./geometry/typeface.ts";
import { install } from "./install.ts";
import { readTypeface, type Style, stylesOf } from "./styles.ts";
import { drawVariation } from "./variations.ts";

/** Variations of each training style that are trained on beside it. */
const VARIATIONS = 4;

/** Samples of styles. */
export interface Samples {
  readonly styles: readonly Style[];
  /** [styles, SAMPLE_SIZE] */
  readonly values: Float32Array;
}

/** Loads samples of all styles of a part of the split, those whose letters fit into their cells. */
export function loadPart(part: Part): Promise<Samples> {
  return loadSamples(part, part, () => UNCHANGED);
}

/** Loads samples of variations of the training styles, those whose letters fit into their cells. */
export async function loadVariations(): Promise<Float32Array> {
  const copies: Float32Array[] = [];
  for (let copy = 0; copy < VARIATIONS; copy++) copies.push((await loadVariation(copy)).values);
  return joinValues(copies);
}

/** Samples of styles that were changed. */
export interface VariedSamples extends Samples {
  /** Change of each style. */
  readonly variations: readonly Variation[];
}

/** Loads samples of one variation of each training style. */
export function loadVariation(copy: number): Promise<VariedSamples> {
  return loadSamples(`variations-${copy}`, "training", (style, i) => drawVariation(style, i, copy));
}

async function loadSamples(
  name: string,
  part: Part,
  variationOf: (style: Style, index: number) => Variation,
): Promise<VariedSamples> {
  const families = readFamilies();
  install(families);
  const styles = stylesOf(families.filter((family) => family.part === part));
  const variations = styles.map(variationOf);
  const values = await cached(name, () => {
    const all = new Float32Array(styles.length * SAMPLE_SIZE);
    for (const [i, style] of styles.entries()) {
      const sample = sampleOf(readTypeface(style), variations[i]);
      // NaN: its letters do not fit.
      if (sample) all.set(sample, i * SAMPLE_SIZE);
      else all.fill(Number.NaN, i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE);
    }
    return all;
  });
  const fits = styles.map((_, i) => !Number.isNaN(values[i * SAMPLE_SIZE]));
  const rows = styles.map((_, i) => values.subarray(i * SAMPLE_SIZE, (i + 1) * SAMPLE_SIZE));
  return {
    styles: styles.filter((_, i) => fits[i]),
    values: joinValues(rows.filter((_, i) => fits[i])),
    variations: variations.filter((_, i) => fits[i]),
  };
}
