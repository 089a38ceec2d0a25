import { basename, extname } from "node:path";

/**
 * Orders files of pictures by the samples' names, if both have the same names, without folders and endings. Else files are
 * paired by position.
 *
 * @returns the files in the samples' order, and the index of a doubtful pair where they are paired by position
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
  // cat-mask.png beside cat.png is a likely pair, dog-mask.png is not.
  const doubtful = odd((file, name) => !file.includes(name) && !name.includes(file));
  return { paired: files, doubtful: doubtful < 0 ? different : doubtful };
}

/** Name of a file without its folder and its ending. */
const stem = (path: string) => basename(path, extname(path));
