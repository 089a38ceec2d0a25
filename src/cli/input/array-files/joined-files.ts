import { createHash } from "node:crypto";
import { invalidFile } from "../../../base/refuse.ts";
import { type DataArray, elementCount, showLengths } from "../../../files/array.ts";
import type { ArrayFile } from "./array-file.ts";

/**
 * Concatenates the arrays of several files along the first axis.
 *
 * @param places name of each file, for messages
 * @throws LatentflowError `invalid_file` if the shapes of their rows differ, or only some are of type uint8
 */
export function joinFiles(places: readonly string[], files: readonly ArrayFile[]): ArrayFile {
  const [first] = files as [ArrayFile];
  if (files.length === 1) return first;
  const [, ...rowShape] = first.shape;
  for (const [i, { shape, type }] of files.entries()) {
    if (String(shape.slice(1)) !== String(rowShape)) {
      throw invalidFile(
        `${places[i]}: its rows are ${showLengths(shape.slice(1))}, those of ${places[0]} are ${showLengths(rowShape)}`,
      );
    }
    if ((type === "uint8") !== (first.type === "uint8")) {
      throw invalidFile(
        `${places[i]}: its values are of the type ${type}, those of ${places[0]} ${first.type}; bytes are divided by ` +
          "255 and others are not: save them as one type",
      );
    }
  }
  const sizes = files.map(({ shape }) => elementCount(shape));
  return {
    shape: [files.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...rowShape],
    type: first.type,
    async read(start, end) {
      const data: DataArray["data"] =
        first.type === "uint8" ? new Uint8Array(end - start) : new Float32Array(end - start);
      let before = 0;
      for (const [i, file] of files.entries()) {
        const [from, to] = [Math.max(start, before), Math.min(end, before + sizes[i]!)];
        if (from < to) data.set(await file.read(from - before, to - before), from - start);
        before += sizes[i]!;
      }
      return data;
    },
    async fingerprint() {
      const hash = createHash("sha256");
      for (const file of files) hash.update(await file.fingerprint());
      return hash.digest("hex");
    },
  };
}
