import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { inTurns, type Pausable } from "../base/event-loop.ts";
import type { Owned } from "../base/owned.ts";
import { invalidFile, refused, refusedFile } from "../base/refuse.ts";
import { show, showLocation } from "../base/show.ts";
import { checkReading, type ReadingOptions, readingOptions } from "../files/limits.ts";
import { readSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { bytesOf, type FileSource, locationOf, readSource, whileUnchanged } from "../files/source.ts";
import { readFloats } from "../files/tensor.ts";
import { checkResidual, type Residual } from "../terms/residual.ts";
import { withSolver } from "./residual-solvers.ts";
import { solverWith } from "./solve-whitened.ts";

// A residual's file is a safetensors file of three tensors: mean [n], components [rank, n] and variances [n].

/** Metadata that tell a residual's file from a decoder's. */
const METADATA = new Map([["format", "latentflow residual"]]);

/**
 * Returns a residual as the bytes of a safetensors file, from which `loadResidual` restores the same bits.
 *
 * @throws LatentflowError `invalid_argument` if it is no residual
 * @example
 * import { writeFile } from "node:fs/promises";
 *
 * const residual = await fitResidual(decoder, trainingSamples);
 * await writeFile("residual.safetensors", residualToSafetensors(residual));
 */
export function residualToSafetensors(residual: Residual): Owned<Uint8Array> {
  return calling("residualToSafetensors", () => {
    const n = residual?.mean?.length;
    if (n === undefined) throw refused("residual", "is", show(residual), "what fitResidual returns");
    const { mean, components, variances } = checkResidual(residual, n);
    const tensors = [
      { name: "mean", shape: [n], values: mean },
      { name: "components", shape: [components.length / n, n], values: components },
      { name: "variances", shape: [n], values: variances },
    ];
    return writeSafetensors(tensors, METADATA);
  });
}

/**
 * Loads a residual from a file that `residualToSafetensors` has written.
 *
 * @param source the file's bytes, or a Blob, a URL, or a string: in Node a path unless it begins with http:, https: or file:,
 *   elsewhere a URL
 * @throws LatentflowError `not_found` when the file cannot be read; `unreachable` when its server fails; `invalid_file` when it holds
 *   no residual; `invalid_argument` on a wrong option
 * @example
 * const residual = await loadResidual("residual.safetensors");
 */
export async function loadResidual(source: FileSource, options: ReadingOptions = {}): Promise<Residual> {
  const { limits, location } = calling("loadResidual", () => {
    checkOptions(options, readingOptions);
    return { limits: checkReading(options), location: locationOf(source) };
  });
  const load = async () => {
    const bytes = bytesOf(source) ?? (await readSource(location ?? source, limits));
    const residual = await inTurns(whileUnchanged(bytes, parseResidual(bytes)), limits.signal);
    return withSolver(residual, solverWith(residual));
  };
  return calling("loadResidual", load, location === undefined ? undefined : showLocation(location));
}

function* parseResidual(bytes: Uint8Array): Generator<void, Residual, void> {
  const { metadata, tensors } = readSafetensors(bytes);
  if (metadata.get("format") !== METADATA.get("format")) {
    throw invalidFile("the file holds no residual; it is written by residualToSafetensors");
  }
  function* floats(name: string): Pausable<Float32Array> {
    const tensor = tensors.get(name);
    if (!tensor) throw invalidFile(`the file has no tensor ${show(name)}`);
    const values = new Float32Array(tensor.shape.reduce((all, length) => all * length, 1));
    yield* readFloats(name, tensor, values);
    return values;
  }
  const mean = yield* floats("mean");
  const residual = { mean, components: yield* floats("components"), variances: yield* floats("variances") };
  try {
    return checkResidual(residual, mean.length);
  } catch (error) {
    throw error instanceof LatentflowError ? refusedFile(error) : error;
  }
}
