import { builtinModule } from "../../base/builtin-module.ts";
import { within } from "../../base/calling.ts";
import { option as marked, subject, theOption, words } from "../../base/message.ts";
import type { BlobLike } from "../../base/platform.ts";
import { throwIfAborted } from "../../base/realms.ts";
import { invalidFile, invalidOption, refused } from "../../base/refuse.ts";
import { show } from "../../base/show.ts";
import type { Limits } from "../../files/limits.ts";
import { type FileSource, bytesOf as givenBytes, readSource } from "../../files/source.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { TensorRecord } from "./model.ts";

// Tensors stored in files beside the ONNX file, as PyTorch's newer exporter writes them for models of any size.

/**
 * Source of tensors that are stored outside of the ONNX file: for one external file its bytes, a Blob of it, or its path; for
 * any number of external files the path of their folder, or a function that takes a file's name and returns the file's bytes.
 */
export type ExternalData =
  | Uint8Array
  | ArrayBuffer
  | BlobLike
  | string
  | ((name: string) => Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>);

/** Bytes of each tensor that is stored outside of the ONNX file. */
export type Outside = ReadonlyMap<TensorRecord, Uint8Array>;

/** Maximum number of files besides the ONNX file that tensors are read from. */
const MOST_FILES = 64;

/**
 * Reads the tensors that are stored outside of an ONNX file.
 *
 * @throws LatentflowError `invalid_argument` if the option is missing or not valid, `invalid_file` if a file does not
 *   contain what the ONNX file states
 */
export async function readOutside(
  tensors: readonly TensorRecord[],
  option: ExternalData | undefined,
  limits: Limits,
): Promise<Outside> {
  if (option !== undefined && typeof option !== "string" && Object(option) !== option) {
    const expected = "bytes, a Blob, a path or a function";
    throw refused("externalData", "is", show(option), expected, "; or leave it out");
  }
  const outside = new Map<TensorRecord, Uint8Array>();
  const external = tensors.filter((tensor) => tensor.external);
  if (external.length === 0) return outside;
  const names = new Set(external.map((tensor) => nameOf(tensor)));
  if (option === undefined) {
    const elsewhere = `${external.length} tensors of the file are in other files, as ${show([...names][0])}`;
    const advice = words`; give ${theOption("externalData")}: its bytes, a Blob or a path`;
    throw invalidOption("externalData", elsewhere, advice);
  }
  if (names.size > MOST_FILES) throw invalidFile(`its tensors are in ${names.size} other files`);
  const files = new Map<string, Uint8Array>();
  for (const name of names) {
    throwIfAborted(limits.signal);
    files.set(name, await readOne(name, names.size, option, limits));
  }
  for (const tensor of external) {
    outside.set(tensor, part(tensor, files.get(nameOf(tensor))!));
  }
  return outside;
}

/** Returns the name of the file that contains an external tensor; throws if it is outside of the ONNX file's folder. */
function nameOf({ name, external }: TensorRecord): string {
  const location = external!.get("location") ?? "";
  const parts = location.split(/[\\/]/);
  const leaves =
    parts.includes("..") || parts[0] === "" || /^[A-Za-z]:/.test(location) || location.includes("\0");
  if (!leaves) return location;
  throw invalidFile(
    `the tensor ${show(name)} is said to lie in ${show(location)}, expected a file in the same folder`,
  );
}

async function readOne(
  name: string,
  files: number,
  option: ExternalData,
  limits: Limits,
): Promise<Uint8Array> {
  if (typeof option === "function") {
    const value: unknown = await option(name);
    const bytes = givenBytes(value as FileSource);
    if (bytes) return bytes;
    const call = subject("externalData", `externalData(${show(name)})`);
    throw refused(call, "returned", show(value), "bytes");
  }
  const path = typeof option === "string" ? await pathOf(option, name) : undefined;
  if (path === undefined && files > 1) {
    const advice = words`; give ${marked("externalData")} as a folder or a function`;
    throw invalidOption("externalData", "its tensors are in several other files", advice);
  }
  if (path !== undefined && !(await isWithin(option as string, path))) {
    throw invalidFile(`${show(name)} leads out of its folder, expected a file in it`);
  }
  const source: FileSource = path ?? option;
  return within("externalData", () => givenBytes(source) ?? readSource(source, limits));
}

/** Returns the path of an external tensor's file in the folder `given`; undefined if that is not a folder. */
async function pathOf(given: string, name: string): Promise<string | undefined> {
  const files = builtinModule("node:fs/promises");
  if (!files || /^(https?|file):/i.test(given)) return undefined;
  const isFolder = await files.stat(given).then(
    (status) => status.isDirectory(),
    () => false,
  );
  return isFolder ? `${given.replace(/[\\/]+$/, "")}/${name}` : undefined;
}

/** True if a file is in a folder after symbolic links are resolved. Also true for a missing file. */
async function isWithin(folder: string, path: string): Promise<boolean> {
  const files = builtinModule("node:fs/promises")!;
  try {
    const [whole, real] = await Promise.all([files.realpath(folder), files.realpath(path)]);
    const { sep } = builtinModule("node:path")!;
    return real.startsWith(whole.endsWith(sep) ? whole : whole + sep);
  } catch {
    // A missing file is reported when it is read.
    return true;
  }
}

function part({ name, dims, external }: TensorRecord, file: Uint8Array): Uint8Array {
  const [offset, length] = ["offset", "length"].map((key) => {
    const text = external!.get(key);
    return text === undefined ? undefined : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  });
  const start = offset ?? 0;
  const size = length ?? file.length - start;
  if (start + size <= file.length && size >= 0) return file.subarray(start, start + size);
  throw invalidFile(
    `the tensor ${show(name)} of ${sizeOf(dims)} numbers is said to be bytes ${offset ?? 0} and ` +
      `${length ?? "all"} that follow, of a file of ${file.length}`,
  );
}
