import { showPath } from "../../base/show.ts";
import { say } from "./print.ts";
import { countOf } from "./report.ts";

/** Name of a file to write, in two pieces. */
export interface WantedName {
  readonly stem: string;
  /** Extension with its point; may be empty. */
  readonly ending: string;
}

/**
 * Chooses names that differ in more than case. Of files that want one name, the first gets it; another gets a number behind its
 * stem, and is printed.
 *
 * @param folder name of the folder, for the message
 * @param noun what the files are, for the message: picture
 * @param files names of the files that the names come from, for the message
 * @param besides for each file, the ending of another file that is written beside it, under its name and this ending
 */
export function distinctNames(
  folder: string,
  noun: string,
  files: readonly string[],
  wanted: readonly WantedName[],
  besides: readonly string[] = [],
): string[] {
  const taken = new Set<string>();
  const take = (name: string, beside: string | undefined) => {
    const all = [name, ...(beside === undefined ? [] : [name + beside])].map((each) => each.toLowerCase());
    if (all.some((each) => taken.has(each))) return undefined;
    for (const each of all) taken.add(each);
    return name;
  };
  // Own names first: a-2.png is nobody else's where a file of that name is given.
  const own = wanted.map(({ stem, ending }, i) => take(stem + ending, besides[i]));
  const renamed: string[] = [];
  const names = wanted.map(({ stem, ending }, i) => {
    let name = own[i];
    for (let number = 2; name === undefined; number++) name = take(`${stem}-${number}${ending}`, besides[i]);
    if (name !== own[i]) renamed.push(`${name} is ${showPath(files[i]!)}`);
    return name;
  });
  if (renamed.length > 0) {
    const example = `${renamed[0]}${renamed.length > 1 ? ", say" : ""}`;
    say(`${folder}: ${countOf(renamed.length, noun)} renamed, whose names others have: ${example}`);
  }
  return names;
}

/** Replaces the bytes of a file's name that are no UTF-8, each a lone surrogate. */
export function inUtf8(name: string): string {
  return name.replace(/\p{Cs}/gu, "_");
}
