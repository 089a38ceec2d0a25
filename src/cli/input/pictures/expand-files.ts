import { lstat, readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { about } from "../../../base/calling.ts";
import { invalid } from "../../../base/refuse.ts";
import { showPath } from "../../../base/show.ts";
import { checkIsFile, fileError } from "../../../files/durable-file.ts";
import { say } from "../../output/print.ts";
import { countOf } from "../../output/report.ts";
import { nameFrom, systemPath } from "../file-names.ts";
import { isStdin, isUrl, showFile } from "../files.ts";
import { isPictureName } from "./picture-file.ts";

const collator = new Intl.Collator("en", { numeric: true });

/** Compares names in natural order: picture-9 comes before picture-10. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/**
 * Replaces each folder by the pictures directly in it, and each pattern with * or ? by the files that match, in natural
 * order (9 before 10). The path of an existing file is never treated as a pattern.
 *
 * @param onSkipped called with a sentence about the files that are skipped in a folder
 * @throws LatentflowError if a folder contains no pictures, no file matches a pattern, or what has a picture's name is no file
 */
export async function expandFiles(
  flag: string,
  paths: readonly string[],
  onSkipped: (message: string) => void = say,
): Promise<string[]> {
  const files: string[][] = [];
  for (const path of paths) {
    const status = isStdin(path) || isUrl(path) ? undefined : await stat(path).catch(() => undefined);
    if (status?.isDirectory()) files.push(await picturesIn(flag, path, onSkipped));
    else if (!status && !isStdin(path) && /[*?]/.test(path)) files.push(await matching(flag, path));
    else files.push([path]);
  }
  return files.flat();
}

async function picturesIn(
  flag: string,
  folder: string,
  onSkipped: (message: string) => void,
): Promise<string[]> {
  const at = showFile(flag, folder);
  const entries = await entriesIn(folder).catch((cause) => {
    throw fileError(at, cause);
  });
  const shown = entries.filter(({ name }) => !name.startsWith("."));
  const names = shown.filter(({ isFile, isLink }) => isFile || isLink).map(({ name }) => name);
  const pictures = shown
    .filter(({ name }) => isPictureName(name))
    .sort((a, b) => compareNames(a.name, b.name));
  for (const { name, isFile } of pictures) if (!isFile) await checkFile(flag, join(folder, name));
  const below = shown.filter(({ isFolder }) => isFolder).map(({ name }) => join(folder, name));
  const inFolders = (await Promise.all(below.map(namesIn))).flat().filter(isPictureName);
  const pattern = showPath(join(folder, "**", `*${extname(inFolders[0] ?? "")}`));
  if (pictures.length === 0) {
    const advice = inFolders.length > 0 ? `; folders below have some: give ${pattern} in quotes` : "";
    throw invalid(`${at}: the folder has no PNG or JPEG files, expected at least one${advice}`);
  }
  const others = names.filter((name) => !isPictureName(name)).sort(compareNames);
  if (others.length > 0) {
    const which = `${countOf(others.length, "file")} skipped, by ${others.length === 1 ? "its name" : "their names"}`;
    onSkipped(
      `${at}: ${which} neither PNG nor JPEG: ${showPath(others[0]!)}${others.length > 1 ? ", say" : ""}`,
    );
  }
  if (inFolders.length > 0)
    onSkipped(
      `${at}: ${countOf(inFolders.length, "picture")} in folders below skipped; to take them, give ${pattern} in quotes`,
    );
  return pictures.map(({ name }) => join(folder, name));
}

/** Throws unless a path leads to a regular file, perhaps by links: it may have a picture's name and be a folder or a pipe. */
async function checkFile(flag: string, path: string): Promise<void> {
  const where = showFile(flag, path);
  const status = await stat(systemPath(path)).catch((cause) => {
    throw fileError(where, cause);
  });
  about(where, () => checkIsFile(status));
}

/**
 * Returns the files that match a pattern: * stands for any text and ? for one character within a name, ** for any
 * folders.
 *
 * @throws LatentflowError if there are none
 */
async function matching(flag: string, pattern: string): Promise<string[]> {
  let places = [pattern.startsWith("/") ? "/" : ""];
  for (const part of pattern.split("/").filter((each) => each !== "")) {
    const next: string[][] = [];
    for (const place of places) {
      if (part === "**") next.push([place], await foldersBelow(place));
      else if (!/[*?]/.test(part)) next.push([join(place, part)]);
      else
        next.push(
          (await namesIn(place)).filter((name) => matches(part, name)).map((name) => join(place, name)),
        );
    }
    places = [...new Set(next.flat())];
  }
  const files: string[] = [];
  for (const place of places) {
    const status = await stat(systemPath(place)).catch(() => undefined);
    const entry = status ?? (await lstat(systemPath(place)).catch(() => undefined));
    // A pattern such as * matches folders, too, and one such as */a.png leads to paths where nothing is.
    const taken = isPictureName(place) ? entry : status && !status.isDirectory();
    if (!taken) continue;
    await checkFile(flag, place);
    files.push(place);
  }
  if (files.length > 0) return files.sort(compareNames);
  throw invalid(`${flag} ${showPath(pattern)}: no file matches, expected at least one`);
}

function matches(pattern: string, name: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su").test(name);
}

/** Lists a folder: the name of each entry, and what it is before links are followed. */
async function entriesIn(folder: string) {
  const entries = await readdir(systemPath(folder || "."), { withFileTypes: true, encoding: "buffer" });
  return entries.map((entry) => ({
    name: nameFrom(entry.name),
    isFile: entry.isFile(),
    isFolder: entry.isDirectory(),
    isLink: entry.isSymbolicLink(),
  }));
}

async function namesIn(folder: string): Promise<string[]> {
  return (await entriesIn(folder).catch(() => [])).map(({ name }) => name);
}

async function foldersBelow(folder: string): Promise<string[]> {
  const found: string[][] = [];
  for (const { name, isFolder } of await entriesIn(folder).catch(() => [])) {
    if (!isFolder || name.startsWith(".")) continue;
    const path = join(folder, name);
    found.push([path], await foldersBelow(path));
  }
  return found.flat();
}

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
