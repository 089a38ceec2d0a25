// The families that the decoder is trained, chosen and tested on: families.json.
import { readFileSync } from "node:fs";

/** Parts of the split. */
export const PARTS = ["training", "validation", "test"] as const;

export type Part = (typeof PARTS)[number];

/** A family of typefaces, in a package of npm's. */
export interface Family {
  readonly package: string;
  /** Exact version of the package. */
  readonly version: string;
  readonly name: string;
  readonly author: string;
  /** SPDX name of the licence, which `install` compares with the package's licence file. */
  readonly licence: string;
  /** Package of the first of several families that share a design; they lie in one part of the split. */
  readonly group: string;
  readonly part: Part;
}

/** Reads families.json. */
export function readFamilies(): Family[] {
  return JSON.parse(readFileSync(new URL("families.json", import.meta.url), "utf8"));
}
