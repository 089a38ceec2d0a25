import { stat } from "node:fs/promises";
import { join } from "node:path";
import { invalidFile, showPath } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { fileError } from "../../files/durable-file.ts";
import { shortPath } from "../input/files.ts";
import { type PartsFolder, partsName } from "./parts-folder.ts";
import { openFolders } from "./read-parts.ts";

/**
 * Opens the parts in folders that were --out of a run's shards.
 *
 * @throws LatentflowError where one is not there, or holds no parts, or those of another run
 */
export async function openRunFolders(folders: readonly string[]): Promise<PartsFolder[]> {
  for (const folder of folders) {
    const where = showPath(shortPath(folder));
    if (!(await isThere(folder))) {
      throw new LatentflowError("not_found", `${where}: there is no such folder; ${NAME_OUT}`);
    }
    if (await isThere(join(folder, partsName))) continue;
    throw invalidFile(
      `${where} holds no parts of a run; ${NAME_OUT}. A run without --shard that has ended keeps none`,
    );
  }
  return openFolders(folders.map((folder) => join(folder, partsName)));
}

const NAME_OUT = "name the folder that was --out of the shards";

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause) => {
      // Below a file there is none either.
      if (["ENOENT", "ENOTDIR"].includes(String(codeOf(cause)))) return false;
      throw fileError(`cannot read ${showPath(shortPath(path))}`, cause);
    },
  );
}
