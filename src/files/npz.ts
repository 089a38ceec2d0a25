import type { Pausable } from "../base/event-loop.ts";
import { invalidFile, invalidOption } from "../base/refuse.ts";
import { show, showList } from "../base/show.ts";
import { type DataArray, parseArray } from "./array.ts";
import { npyFormat } from "./npy.ts";
import { readZip, unpackEntry, type ZipEntry } from "./zip.ts";

// A .npz file is a zip of .npy files, one for each array.

/** Returns, for a message, how the caller selects the array of this name: `array: "images"`. */
export type ArrayChoice = (array: string) => string;

/**
 * Reads an array of a .npz file, as numpy's savez or savez_compressed writes it.
 *
 * @param bytes the whole file
 * @param name name of the array; undefined for the only one
 * @param maxBytes maximum memory of the array, in bytes
 * @param choice returns, for the message, how the caller selects an array by its name. Default: `array: "NAME"`
 * @throws LatentflowError `invalid_argument` if there are several arrays and none is named; `invalid_file` if the named one
 *   does not exist, the file is damaged, or the array cannot be read
 */
export function* parseNpz(
  bytes: Uint8Array,
  name: string | undefined,
  maxBytes: number,
  choice?: ArrayChoice,
): Pausable<DataArray> {
  const entry = findArray(bytes, name, choice);
  const unpacked = yield* unpackEntry(entry, maxBytes);
  if (!npyFormat.recognises(unpacked))
    throw invalidFile(`the .npz file's ${show(entry.name)} is no .npy file; it is damaged`);
  return yield* parseArray(npyFormat, unpacked, maxBytes);
}

/**
 * Finds the entry of an array in a .npz file.
 *
 * @param name name of the array; undefined for the only one
 * @param choice returns, for the message, how the caller selects an array by its name. Default: `array: "NAME"`
 * @throws LatentflowError `invalid_argument` if there are several arrays and none is named; `invalid_file` if the named one
 *   does not exist, or the file is damaged
 */
export function findArray(
  bytes: Uint8Array,
  name: string | undefined,
  choice: ArrayChoice = (array) => `array: ${show(array)}`,
): ZipEntry {
  const entries = readZip(bytes);
  const arrays = entries.filter((entry) => entry.name.endsWith(".npy"));
  const names = arrays.map((entry) => entry.name.slice(0, -4));
  if (arrays.length === 0) {
    const found = entries.length === 0 ? "nothing" : showList(entries.map(({ name }) => show(name)));
    throw invalidFile(`a zip file without a .npy file in it, expected a .npz file; there is ${found}`);
  }
  if (name === undefined && arrays.length > 1) {
    const held = `the .npz file holds ${arrays.length} arrays, ${showList(names.map(show))}`;
    throw invalidOption("array", held, `; say which, as in ${choice(names[0]!)}`);
  }
  const entry = name === undefined ? arrays[0]! : arrays[names.indexOf(name.replace(/\.npy$/, ""))];
  if (!entry)
    throw invalidFile(`the .npz file has no array ${show(name)}; it holds ${showList(names.map(show))}`);
  return entry;
}

/**
 * Splits a path or URL that ends with the name of an array, `file.npz#name`, or of columns, `file.parquet#x,y` or
 * `file.csv#x,y`. `array` is undefined for any other location.
 */
export function splitArrayName(location: string): { file: string; array: string | undefined } {
  const [, file, array] = /^(.*\.(?:npz|parquet|[ct]sv|[ct]sv\.gz))#(.+)$/is.exec(location) ?? [];
  return { file: file ?? location, array };
}
