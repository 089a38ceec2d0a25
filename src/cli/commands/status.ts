import type { Command } from "commander";
import { exitCodesHelp } from "../exit-codes.ts";
import { shortPath } from "../input/files.ts";
import { addFlags, flag, type OptionsOf } from "../options/flag-table.ts";
import { parseCount } from "../options/parse.ts";
import { print, say } from "../output/print.ts";
import { formatDuration } from "../output/progress.ts";
import { type Figure, figure, formatCount, formatReport } from "../output/report.ts";
import type { PartsFolder } from "../parts/parts-folder.ts";
import { missingUnits, openRunFolders, showRanges, tornUnits } from "../parts/read-parts.ts";
import { shardOf, unitAt, unitCount } from "../parts/shard-units.ts";

const STATUS_FLAGS = {
  shards: flag("<n>", "number of shards; the report names those to run again", {
    parse: parseCount,
  }),
  check: flag("", "read every part; those that are torn, or of another run, count as missing"),
  json: flag("", "print one JSON document on stdout instead of the table"),
};

/** Adds `latentflow status` to the program. */
export function addStatusCommand(program: Command): void {
  const command = program
    .command("status")
    .summary("say how far the shards of a run are")
    .description(
      "Says how many units of a run have their part in DIR/parts, which are missing,\n" +
        "and how fast parts have come. Looks at the files' names and times alone, unless\n" +
        "--check has each part read; merge checks all.",
    )
    .argument(
      "<dir...>",
      "the folder that is --out of the shards; several, where each has a disk of its own",
    );
  addFlags(command, STATUS_FLAGS, "What and how:").addHelpText(
    "after",
    `${exitCodesHelp("nothing is written anyway")}
Examples:
  $ latentflow status results
  $ latentflow status results --shards 16 --json > status.json
  $ sbatch --array=$(jq -r .missingShards status.json) encode.sh`,
  );
  command.action(status);
}

async function status(
  dirs: readonly string[],
  { shards, check, json }: OptionsOf<typeof STATUS_FLAGS>,
): Promise<void> {
  const folders = await openRunFolders(dirs);
  const [{ manifest }] = folders as [PartsFolder];
  const absent = await missingUnits(folders);
  const missing = check ? await tornUnits(folders, absent, say) : absent;
  const left = missing.reduce((sum, index) => sum + unitAt(index, manifest).count, 0);
  const speed = await speedOf(folders);
  const secondsLeft = speed === undefined || left === 0 ? null : left / speed;
  const missingShards =
    shards === undefined
      ? undefined
      : showRanges([...new Set(missing.map((unit) => shardOf(unit, manifest, shards)))], Infinity);
  const units = unitCount(manifest);
  const samplesDone = manifest.samples - left;
  const figures: Figure[] = [
    figure("parts", folders.map(({ folder }) => shortPath(folder)).join(", ")),
    figure("samples", `${formatCount(samplesDone)} of ${formatCount(manifest.samples)}`, {
      samples: manifest.samples,
      samplesDone,
    }),
    figure(
      "units",
      `${formatCount(units - missing.length)} of ${formatCount(units)}, ${formatCount(manifest.unit)} samples each`,
      { units, unit: manifest.unit },
    ),
    figure("missing units", showRanges(missing) || "none", { missingUnits: showRanges(missing, Infinity) }),
    figure("missing shards", missingShards === "" ? "none" : missingShards, { missingShards }),
    figure("samples per second", speed === undefined ? "not known yet" : formatCount(Math.round(speed)), {
      samplesPerSecond: speed ?? null,
    }),
    figure("time left", secondsLeft === null ? "-" : formatDuration(secondsLeft), { secondsLeft }),
    figure("build", manifest.build),
  ];
  print(formatReport(figures, [], json));
}

/**
 * Length of the period, before the latest part (file of results) was written, over which the speed is measured, in
 * milliseconds.
 */
const RECENT = 60 * 60 * 1000;

/**
 * Gap between the writing of two parts (files of results) from which on the run counts as paused: the longer of `milliseconds` and
 * `units` × the median time of a unit (the samples of one part).
 */
const PAUSE = { milliseconds: 60_000, units: 5 };

/** Index of a unit (the samples of one part), and the time in milliseconds at which its part was written. */
type PartTime = readonly [index: number, time: number];

/**
 * Estimates the speed in samples per second from the times at which parts (files of results) were written, the latest
 * and those up to RECENT milliseconds before, leaving out pauses of interrupted runs. Undefined for fewer than two such
 * parts.
 */
async function speedOf(folders: readonly PartsFolder[]): Promise<number | undefined> {
  const [{ manifest }] = folders as [PartsFolder];
  const all: PartTime[] = [];
  for (const folder of folders) all.push(...(await folder.list()));
  all.sort(([, a], [, b]) => a - b);
  const last = all.at(-1)?.[1] ?? 0;
  const recent = all.filter(([, time]) => time >= last - RECENT);
  const pause = shortestPause(recent);
  let [samples, milliseconds] = [0, 0];
  for (const [i, [index, time]] of recent.slice(1).entries()) {
    const gap = time - recent[i]![1];
    // After a pause, the time that the unit took is unknown.
    if (gap >= pause) continue;
    samples += unitAt(index, manifest).count;
    milliseconds += gap;
  }
  return milliseconds > 0 ? samples / (milliseconds / 1000) : undefined;
}

/**
 * Returns the minimum time between the writing of two parts (files of results) that counts as a pause of the run, in
 * milliseconds. The time of a unit (the samples of one part) is counted from the part of the unit before, since a shard
 * (one process's share of a run) computes its units in order.
 */
function shortestPause(parts: readonly PartTime[]): number {
  const times = new Map(parts);
  const unitTimes = parts
    .map(([index, time]) => time - (times.get(index - 1) ?? Number.POSITIVE_INFINITY))
    .filter((time) => time > 0)
    .sort((a, b) => a - b);
  const median = unitTimes[(unitTimes.length - 1) >> 1] ?? Number.POSITIVE_INFINITY;
  return Math.max(PAUSE.milliseconds, PAUSE.units * median);
}
