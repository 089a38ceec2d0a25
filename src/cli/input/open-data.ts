import { stat } from "node:fs/promises";
import { about } from "../../base/calling.ts";
import { option, words } from "../../base/message.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { alternatives } from "../../base/show.ts";
import { valueSizes } from "../../base/values.ts";
import { type ArrayFormat, elementCount, isTransposed } from "../../files/array.ts";
import { fileError } from "../../files/durable-file.ts";
import { recognise } from "../../files/file-kind.ts";
import { checkSize, type Limits } from "../../files/limits.ts";
import { splitArrayName } from "../../files/npz.ts";
import { ARRAY_FORMATS, longestHeader, readArray } from "../../files/read.ts";
import { isZip } from "../../files/zip.ts";
import { type ArrayFile, joinFiles, wholeFile } from "./array-files/array-file.ts";
import { flatFile } from "./array-files/flat-file.ts";
import { closeFile, type OpenFile, openFile, readInto } from "./array-files/open-file.ts";
import { isParquet } from "./array-files/parquet-file.ts";
import { openNumbers } from "./array-files/parquet-numbers.ts";
import { rewritableWhole } from "./array-files/rewrite-whole.ts";
import { systemPath } from "./file-names.ts";
import { isStdin, isUrl, readInput, showChoice, showFile } from "./files.ts";
import { openPictures, type PictureReading } from "./pictures/open-pictures.ts";
import { isPictureFile, pictureFormatOf } from "./pictures/picture-file.ts";
import { openTable } from "./tables/table-file.ts";
import type { TableReading } from "./tables/table-flags.ts";
import { isText } from "./tables/table-text.ts";

// The one way by which commands open data: samples, weights, masks, codes, start vectors and fixed inputs.

/** Limits on reading data: a number of bytes, and a signal that stops it. */
export interface DataLimits extends Limits {
  /**
   * Value of `--max-bytes`, which then also applies to files that are read piece by piece; undefined if the option is not
   * given.
   */
  readonly givenMaxBytes: number | undefined;
}

/** Settings for reading pictures and tables. */
export interface DataReading extends PictureReading {
  /** Settings for tables. Default: all columns, without options that name them. */
  readonly table?: TableReading;
  /** True to keep what it takes to write the files again, `ArrayFile.rewritable`. Default false. */
  readonly isRewritten?: boolean;
}

/** File whose format has been recognised, opened to read its array. */
interface Opened {
  readonly file: OpenFile;
  /** First bytes of the file, at least the header of an array, or the whole file. */
  readonly beginning: Uint8Array;
  /** Option that names the file, for messages. */
  readonly flag: string;
  /** Name of an array or names of columns, from the path's end; undefined if it has none. */
  readonly names: string | undefined;
  readonly reading: DataReading | undefined;
  readonly limits: DataLimits;
}

/** Format of files of data. */
interface DataFormat {
  /** Name in messages. */
  readonly label: string;
  /** True if the data may come from stdin or a pipe, too. */
  readonly streams: boolean;
  /** True if a file that begins with the given bytes may have this format. */
  recognises(beginning: Uint8Array): boolean;
  /** Opens the array in a file for reading piece by piece; returns undefined for an array to be read as a whole. */
  open(opened: Opened): ArrayFile | undefined | Promise<ArrayFile>;
}

/** Name of the format of tables whose columns `--columns` names, besides CSV. */
const PARQUET = "Parquet";

/** Name of the format of pictures, which hold a sample each and no array. */
const PICTURES = "PNG or JPEG";

/** Formats of data; ordered, the first match wins. Files of other formats, such as gzip, are left to `readArray`. */
const FORMATS: readonly DataFormat[] = [
  ...ARRAY_FORMATS.map((format) => ({
    label: format.label,
    streams: true,
    recognises: format.recognises,
    open: (opened: Opened) => openFlat(format, opened),
  })),
  { label: ".npz", streams: true, recognises: isZip, open: () => undefined },
  {
    label: PARQUET,
    streams: false,
    recognises: isParquet,
    open({ file, flag, names, reading, limits }) {
      const columns = names === undefined ? reading?.table?.columns : [names];
      return openNumbers(file, columns, (name) => showChoice(flag, "FILE.parquet", name), limits);
    },
  },
  { label: "CSV", streams: true, recognises: isText, open: () => undefined },
  {
    label: PICTURES,
    streams: false,
    recognises: (beginning) => pictureFormatOf(beginning) !== undefined,
    // Pictures among other files, or for an option without pictures; `openData` opens all others.
    open({ file, beginning, reading }) {
      const arrays = FORMATS.map(({ label }) => label).filter((label) => label !== PICTURES);
      const cure = reading ? "give files of one kind" : "this option takes no pictures: give an array";
      throw invalidFile(
        `${file.where}: it is ${recognise(beginning)!.name}, expected an array, ${alternatives(arrays)}; ${cure}`,
      );
    },
  },
];

/** Names of the formats whose files hold one array behind a header. */
const flatFormats = ARRAY_FORMATS.map(({ label }) => label).join(", ");

/** Help text for the option of files of samples. */
export const dataHelp =
  `samples: ${flatFormats}, CSV, gzipped or not, FILE.npz#NAME, FILE.parquet#COLUMN, first axis: samples; or PNG and JPEG, ` +
  "folders, '*.png' in quotes";

/** Help text on the formats that are read piece by piece. */
export const piecesHelp = `${flatFormats} and Parquet files are read a piece at a time, and may be of any size.`;

/**
 * Opens files of data as one array, joined along the first axis. Arrays are read piece by piece; tables, gzipped and .npz
 * files, stdin and other pipes, and column-major arrays as a whole at once. Further tables have the columns of the first one.
 *
 * @param flag option that names the files, for messages
 * @param paths paths of files, after `expandFiles` has replaced folders and patterns
 * @param reading how pictures and tables are read; undefined if the option takes no pictures
 * @throws LatentflowError if a file cannot be read, or options for pictures are given with other files
 */
export async function openData(
  flag: string,
  paths: readonly string[],
  limits: DataLimits,
  reading?: DataReading,
): Promise<ArrayFile> {
  const [first] = paths as [string];
  if (reading && (await isPictureFile(first))) {
    refuseTableOptions(showFile(flag, first), reading);
    return openPictures(flag, paths, reading, limits);
  }
  const places = paths.map((path) => showFile(flag, path));
  // Stdin may be long. Files are opened first, since one that is missing matters more.
  if (reading && isStdin(first)) refusePictureOptions(places[0]!, reading);
  const files: ArrayFile[] = [];
  // One after the other, since one may be stdin.
  for (const path of paths) {
    const like = files.flatMap(({ tables }) => tables ?? [])[0];
    const following = reading && like ? { ...reading, table: { ...reading.table, like } } : reading;
    files.push(await openArray(flag, path, limits, following));
  }
  if (reading) refusePictureOptions(places[0]!, reading);
  return joinFiles(places, files);
}

async function openArray(
  flag: string,
  path: string,
  limits: DataLimits,
  reading: DataReading | undefined,
): Promise<ArrayFile> {
  const { file: name, array: names } = splitArrayName(path);
  if (isStdin(path) || isUrl(path)) return readWhole(flag, path, limits, reading);
  const where = showFile(flag, path);
  const status = await stat(systemPath(name)).catch((cause) => {
    throw fileError(where, cause);
  });
  // A pipe cannot be read twice. A folder is refused in `readWhole`.
  if (!status.isFile()) return readWhole(flag, path, limits, reading);
  const file = await openFile(where, name);
  const buffer = new Uint8Array(Math.min(file.size, longestHeader()));
  const beginning = buffer.subarray(0, await readInto(file, buffer, 0, limits.signal));
  const format = formatOf(beginning);
  const { givenMaxBytes: maxBytes } = limits;
  if (format && maxBytes !== undefined) about(where, () => checkSize("the file has", file.size, maxBytes));
  const array = await format?.open({ file, beginning, flag, names, reading, limits });
  if (array) {
    refuseTableOptions(where, reading, format?.label === PARQUET);
    return array;
  }
  await closeFile(file);
  return readWhole(flag, path, limits, reading);
}

function formatOf(beginning: Uint8Array): DataFormat | undefined {
  return FORMATS.find((format) => format.recognises(beginning));
}

function openFlat(format: ArrayFormat, { file, beginning, names, limits }: Opened): ArrayFile | undefined {
  // `readArray` refuses a name.
  if (names !== undefined) return undefined;
  const header = about(file.where, () => format.readHeader(beginning));
  return isTransposed(header) ? undefined : flatFile(file, format, header, limits.signal);
}

async function readWhole(
  flag: string,
  path: string,
  limits: DataLimits,
  reading: DataReading | undefined,
): Promise<ArrayFile> {
  const { where, bytes, array, choice } = await readInput(flag, path, limits);
  if (formatOf(bytes)?.streams === false) {
    throw invalidFile(
      `${where}: it is ${recognise(bytes)!.name}, which cannot be read from stdin or a pipe; save it and give the path of the file`,
    );
  }
  const name = isStdin(path) ? "" : splitArrayName(path).file;
  const { isRewritten = false } = reading ?? {};
  const columns = array === undefined ? reading?.table?.columns : [array];
  const table = await openTable(
    where,
    bytes,
    name,
    { ...reading?.table, columns, keepsText: isRewritten },
    limits,
  );
  if (table) return table;
  refuseTableOptions(where, reading);
  const whole = await about(where, () => readArray(bytes, { array, choice, ...limits }));
  const rewritable = isRewritten ? await rewritableWhole(bytes, array, whole.shape, limits) : undefined;
  return { ...wholeFile(whole), rewritable: rewritable && [rewritable] };
}

/** Throws if an option for tables is given for a file of another format. */
function refuseTableOptions(at: string, reading: DataReading | undefined, isParquet = false): void {
  const { columns, categories, delimiter, decimalComma, like } = reading?.table ?? {};
  // Options of the samples' table are no options of the file that follows it.
  if (like) return;
  if (columns && !isParquet)
    throw invalid(`--columns is for CSV and Parquet files, and ${at} is none; leave it out`);
  const given = categories ? "--categories" : delimiter ? "--delimiter" : decimalComma && "--decimal-comma";
  if (given) throw invalid(`${given} is for CSV files, and ${at} is none; leave it out`);
}

/** Throws if an option for pictures, such as `--fit`, is given for files of other formats. */
function refusePictureOptions(at: string, { fit, invert, hides, as = "sample" }: PictureReading): void {
  const ofSamples = fit ? "--fit" : invert && "--invert";
  const given = as === "sample" ? ofSamples : hides && "--mask-hides";
  if (given) throw invalid(`${given} is for PNG and JPEG files, and ${at} is none; leave it out`);
}

/**
 * Reads the first `rows` rows of an array into memory.
 *
 * @throws LatentflowError `invalid_file` if their values take more than `maxBytes`, as stored or in memory
 */
export async function readRows(where: string, array: ArrayFile, rows: number, { maxBytes }: Limits) {
  const { shape, type } = array;
  const count = rows * elementCount(shape.slice(1));
  const bytes = count * (type === "uint8" ? 1 : Math.max(4, valueSizes[type]));
  // No number is advised: once --max-bytes is given, it bounds the size of the file, too.
  if (bytes > maxBytes) {
    throw invalidFile(
      words`${where}: its values (${type}) take ${bytes} bytes, more than ${option("maxBytes")}, ${maxBytes}; give a larger ${option("maxBytes")}, at least the size of the file`,
    );
  }
  return array.read(0, count);
}
