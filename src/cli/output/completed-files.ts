import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { invalid } from "../../base/refuse.ts";
import { alternatives, showPath } from "../../base/show.ts";
import { elementCount } from "../../files/array.ts";
import { splitArrayName } from "../../files/npz.ts";
import type { Filling, Rewritable } from "../input/array-files/rewritable.ts";
import { type Block, type EncodingInput, type EncodingRun, readBlock } from "../input/encoding-input.ts";
import { isStdin, wholePath } from "../input/files.ts";
import { zeroShareIn } from "../input/sample-numbers.ts";
import type { Job } from "../options/job.ts";
import type { Part } from "../parts/part.ts";
import { completedName } from "./completed-pictures.ts";
import { distinctNames, inUtf8 } from "./distinct-names.ts";
import { makeFolder, type Output, StagedOutputs } from "./output-files.ts";
import { decodeBlock } from "./picture-source.ts";
import { say } from "./print.ts";
import { countOf } from "./report.ts";

// Writes files of arrays and tables again, with their missing and hidden values filled in by the decoder.

/** Completed files to write, chosen before the work. */
export interface Completion {
  readonly folder: string;
  /** Files with samples of the run, in order. */
  readonly targets: readonly Target[];
  /** True if they are written in any case; false to write them only if a value is missing or hidden. */
  readonly isAsked: boolean;
}

interface Target {
  readonly file: Rewritable;
  /** Name of the completed file in the folder. */
  readonly name: string;
  readonly isPacked: boolean;
}

/**
 * Chooses the completed files of a run, and checks that they can be written: that of `--complete`, or one for each file of
 * samples in the folder `completed`.
 *
 * @param results names of the files that are written to `--out`
 * @returns undefined if none are written: for pictures, which have their own, and for a single part
 * @throws LatentflowError if `--complete` cannot be followed, or a completed file would be written over an input file
 */
export async function planCompletion(
  job: Job,
  input: EncodingInput,
  results: readonly string[],
): Promise<Completion | undefined> {
  const completion = job.complete === undefined ? inFolder(job, input) : asOneFile(job, job.complete, input);
  if (!completion) return undefined;
  const { folder, targets, isAsked } = completion;
  const names = targets.flatMap(({ name, file }) => [name, name + file.list.ending]);
  if (isAsked) {
    const at = `--complete ${showPath(job.complete!)}`;
    const result = wholePath(folder) === wholePath(job.out) && names.find((name) => results.includes(name));
    if (result) throw invalid(`${at}: ${result} is a file of the results; give another name`);
    await makeFolder(folder, names, job, at);
  }
  // Without weights it shows later whether a folder is needed.
  else if (input.weights || existsSync(folder)) await makeFolder(folder, names, job);
  return completion;
}

function inFolder(job: Job, { samples }: EncodingInput): Completion | undefined {
  const all = samples.array.rewritable;
  if (!all) return undefined;
  let before = 0;
  const files = all.filter(({ rows }) => {
    before += rows;
    return before - rows < samples.count;
  });
  const given = files.map((file, i) => {
    const path = job.data[i]!;
    return isStdin(path) ? `stdin${endingOf(file)}` : basename(splitArrayName(path).file);
  });
  const wanted = given.map((name) => {
    const [, stem, ending] = /^(.+?)((?:\.\w+)?(?:\.gz)?)$/s.exec(inUtf8(name)) as unknown as string[];
    return { stem: stem!, ending: ending! };
  });
  const lists = files.map(({ list }) => list.ending);
  const names = distinctNames(completedName, "file", given, wanted, lists);
  const targets = files.map((file, i) => ({ file, name: names[i]!, isPacked: file.isPacked ?? false }));
  return { folder: join(job.out, completedName), targets, isAsked: false };
}

function endingOf({ endings, isPacked }: Rewritable): string {
  return `${endings[0]}${isPacked ? ".gz" : ""}`;
}

function asOneFile(job: Job, path: string, { samples }: EncodingInput): Completion {
  const at = `--complete ${showPath(path)}`;
  const { names, rewritable } = samples.array;
  if (names) {
    throw invalid(
      `${at}: the samples are pictures, which are completed in a folder, ${completedName} in --out; leave it out`,
    );
  }
  if (job.data.length > 1) {
    throw invalid(
      `${at}: it names the file for one of --data, and there are ${job.data.length}; leave it out, and each is in the folder ` +
        `${completedName} in --out under its own name`,
    );
  }
  const [file] = rewritable ?? [];
  if (!file)
    throw invalid(`${at}: ${samples.at} cannot be written again with values filled in; save it as .npy`);
  const [source] = job.data as [string];
  const own = isStdin(source) ? [] : /\.\w+$/.exec(splitArrayName(source).file.replace(/\.gz$/i, ""));
  const fitting = [...new Set([...file.endings, ...(own ?? [])])];
  const isPacked = /\.gz$/i.test(path) && file.isPacked !== undefined;
  const plain = isPacked ? path.slice(0, -3) : path;
  if (!fitting.some((ending) => plain.toLowerCase().endsWith(ending.toLowerCase()))) {
    throw invalid(
      `${at}: the completed file is ${file.kind}, as ${samples.at} is; give a name that ends in ${alternatives(fitting)}`,
    );
  }
  return {
    folder: dirname(path),
    targets: [{ file, name: basename(path), isPacked }],
    isAsked: true,
  };
}

/** Largest number of samples, and of values, that are completed together. */
const AT_ONCE = { samples: 10_000, values: 2 ** 20 };

/**
 * Writes the completed files of a run, and beside each a list of the values that were filled. A value that the decoder gives
 * as infinite or NaN is not filled.
 *
 * @param parts results of the run in parts of consecutive samples, in order
 * @param missing number of values of the samples that are missing
 * @returns the files; nothing if they are not asked for, and no value is missing or hidden
 */
export async function writeCompletedFiles(
  run: EncodingRun,
  { folder, targets, isAsked }: Completion,
  parts: AsyncIterable<Part>,
  missing: number,
): Promise<Output[]> {
  if (!isAsked && missing === 0 && !(await hidesAny(run.input))) return [];
  const size = elementCount(run.input.samples.shape);
  const most = Math.max(1, Math.min(AT_ONCE.samples, Math.floor(AT_ONCE.values / size)));
  const blocks = blocksOf(
    parts,
    targets.map(({ file }) => file.rows),
    most,
  );
  const outputs: Output[] = [];
  let filled = 0;
  for (const target of targets) {
    const { file, name } = target;
    let [own, clipped] = [0, 0];
    const list = name + file.list.ending;
    await StagedOutputs.write(folder, [], async (staged) => {
      await staged.append(list, file.list.header);
      const fillings = async function* () {
        for (let row = 0; row < file.rows; ) {
          run.signal.throwIfAborted();
          const block = await blocks.next();
          // Rows behind those of --limit stay as they are.
          const filling = block.done
            ? new Float32Array(size * Math.min(most, file.rows - row)).fill(Number.NaN)
            : await fillingOf(run, block.value);
          own += filling.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : 1), 0);
          await staged.append(list, file.list.piece(row, filling));
          yield filling;
          row += filling.length / size;
        }
      };
      const append = async (pieces: AsyncIterable<Uint8Array>) => {
        for await (const piece of pieces) await staged.append(name, piece);
      };
      const pieces = file.rewrite(fillings(), () => clipped++);
      await (target.isPacked ? pipeline(Readable.from(pieces), createGzip(), append) : append(pieces));
    });
    const path = join(folder, name);
    if (clipped > 0) {
      say(
        `warning: ${showPath(path)}: ${countOf(clipped, "value")} by the decoder ${clipped === 1 ? "is" : "are"} beyond the range of ` +
          "the file's numbers; the nearest number of it is written",
      );
    }
    filled += own;
    outputs.push({ path, content: `the input, ${countOf(own, "value")} filled by the decoder` });
    outputs.push({ path: join(folder, list), content: file.list.content });
  }
  if (targets.length === 1) return outputs;
  const content = `${countOf(targets.length, "file")}, ${countOf(filled, "value")} filled by the decoder, and lists of them`;
  return [{ path: folder, content }];
}

async function hidesAny({ weights, samples }: EncodingInput): Promise<boolean> {
  return weights !== undefined && (weights.hiddenShare ?? (await zeroShareIn(weights, samples.count))) > 0;
}

/** Consecutive samples of a part. */
interface PartBlock {
  readonly part: Part;
  /** Index in the part of the first sample. */
  readonly at: number;
  readonly count: number;
}

/**
 * Cuts parts into blocks of consecutive samples, none of which has samples of two files.
 *
 * @param rows numbers of rows of the files
 * @param most maximum number of samples of a block
 */
async function* blocksOf(
  parts: AsyncIterable<Part>,
  rows: readonly number[],
  most: number,
): AsyncGenerator<PartBlock> {
  let [file, left] = [0, rows[0]!];
  for await (const part of parts) {
    for (let at = 0; at < part.count; ) {
      while (left === 0) left = rows[++file]!;
      const count = Math.min(most, part.count - at, left);
      yield { part, at, count };
      at += count;
      left -= count;
    }
  }
}

/** Returns the decoder's values where samples have missing or hidden ones, in the numbers of their file; NaN elsewhere. */
async function fillingOf(run: EncodingRun, { part, at, count }: PartBlock): Promise<Filling> {
  const { decoder, samples } = run.input;
  const block = await readBlock(run.input, part.first + at, count);
  const isOpen = block.y.map((value, i) => (isSeen(block, value, i) ? 0 : 1));
  if (!isOpen.includes(1)) return isOpen.fill(Number.NaN);
  const { latentSize } = decoder;
  const z = part.results.z.subarray(at * latentSize, (at + count) * latentSize);
  const decoded = await decodeBlock(run, block, z);
  return decoded.map((value, i) =>
    isOpen[i] && Number.isFinite(value) ? value * samples.dividedBy : Number.NaN,
  );
}

function isSeen({ weights }: Block, value: number, index: number): boolean {
  return !Number.isNaN(value) && weights?.[index % weights.length] !== 0;
}
