import { checkNumber } from "../base/check.ts";
import { checkPresent } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";

/**
 * Points of each sample's path to record: `"steps"` for z0 and the end of every accepted step; or an ascending array of
 * times in [0, t1], t1 the solver's.
 */
export type SaveAt = "steps" | ArrayLike<number>;

/**
 * Returns the option `saveAt`, its times copied to an array.
 *
 * @param t1 end of the flow, Infinity if it has none
 * @throws LatentflowError `invalid_argument` unless it is "steps" or strictly ascending times from 0 to t1
 */
export function checkSaveAt(saveAt: SaveAt, t1: number): SaveAt {
  if (saveAt === "steps") return saveAt;
  if (!Array.isArray(saveAt) && !(ArrayBuffer.isView(saveAt) && "length" in saveAt)) {
    throw refused("saveAt", "is", show(saveAt), '"steps" or an array of times');
  }
  if (ArrayBuffer.isView(saveAt)) checkPresent("saveAt", saveAt.buffer);
  const times = Array.from<unknown, number>(saveAt, (time, i) =>
    checkNumber(`saveAt[${i}]`, time, { min: 0, ...(t1 < Infinity && { max: t1 }) }),
  );
  const bad = times.findIndex((time, i) => i > 0 && time <= times[i - 1]!);
  if (bad < 0) return times;
  throw refused(`saveAt[${bad}]`, "is", `${times[bad]} after ${times[bad - 1]}`, "ascending times");
}
