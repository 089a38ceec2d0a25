import { basename, extname } from "node:path";

/**
 * Sorts files so that they match the samples by name, if both have the same names up to folder and extension. Otherwise
 * they are paired by position.
 *
 * @param names file names of the samples; undefined if the samples are not pictures
 * @returns the sorted files; and, if they are paired by position with differing names, the index of a dubious pair
 */
export function pairFiles(files: readonly string[], names: readonly string[] | undefined) {
  const asGiven = { paired: files, doubtful: undefined };
  if (!names || files.length < 2 || files.length !== names.length) return asGiven;
  const odd = (isOdd: (file: string, name: string) => boolean) =>
    files.findIndex((file, i) => isOdd(stem(file), stem(names[i]!)));
  const different = odd((file, name) => file !== name);
  if (different < 0) return asGiven;
  const byStem = new Map(files.map((file) => [stem(file), file]));
  const paired = names.map((name) => byStem.get(stem(name)));
  if (new Set(paired).size === names.length && !paired.includes(undefined))
    return { ...asGiven, paired: paired as string[] };
  // cat-mask.png likely belongs to cat.png, dog-mask.png does not.
  const doubtful = odd((file, name) => !file.includes(name) && !name.includes(file));
  return { paired: files, doubtful: doubtful < 0 ? different : doubtful };
}

/** Returns a file's name without folder and extension. */
const stem = (path: string) => basename(path, extname(path));
