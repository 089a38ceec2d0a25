import { join } from "node:path";
import { Option } from "commander";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { elementCount } from "../../files/array.ts";
import { type Column, formatCsv, formatCsvRows } from "../../files/csv.ts";
import { npyHeader } from "../../files/npy.ts";
import { type Output, StagedOutputs } from "../output/output-files.ts";
import { type ResultColumn, resultColumns, resultsTableName, showColumns } from "../output/results.ts";
import type { Part } from "./part.ts";

// The results of all samples as files, written part by part, so that no more than one part is in memory.

/** What the results of a run have, before there are any. */
export interface ResultsPlan {
  readonly samples: number;
  readonly latentSize: number;
  readonly sampleShape: readonly number[];
  readonly hasPrior: boolean;
  readonly hasReconstructions: boolean;
}

/** How results are written. */
export type ResultsFormat = "npy" | "parquet";

interface Format {
  /** The files that a run of this plan writes, with what is in each. */
  readonly files: (plan: ResultsPlan) => { readonly name: string; readonly content: string }[];
  /** Makes what appends parts, in order, to those files. */
  readonly writer: (plan: ResultsPlan, outputs: StagedOutputs) => PartWriter;
}

interface PartWriter {
  add(part: Part): Promise<void>;
  finish(): Promise<void>;
}

const latentsName = "latents.npy";
const reconstructionsName = "reconstructions.npy";
const parquetName = "results.parquet";

const FORMATS: { readonly [Name in ResultsFormat]: Format } = {
  npy: { files: npyFiles, writer: npyWriter },
  parquet: { files: parquetFiles, writer: parquetWriter },
};

const STANDARD_FORMAT: ResultsFormat = "npy";

/** The files of a format, whatever the samples are. */
function fileNames({ files }: Format, hasReconstructions: boolean): string[] {
  const plan = { samples: 0, latentSize: 0, sampleShape: [], hasPrior: true, hasReconstructions };
  return files(plan).map(({ name }) => name);
}

/** The files of all formats. */
export const resultsFileNames = Object.values(FORMATS).flatMap((format) => fileNames(format, true));

/** The option that chooses a format. @param more what there is to say of it besides */
export function formatOption(more = ""): Option {
  const formats = Object.entries(FORMATS).map(
    ([name, format]) => `${name}: ${fileNames(format, false).join(" and ")}`,
  );
  const text = `${formats.join("; ")} (default: ${STANDARD_FORMAT})${more}`;
  return new Option("--format <name>", text).choices(Object.keys(FORMATS));
}

/**
 * Writes the results of a run to its folder, over those of earlier runs. Nothing there is changed before all of them are on
 * the disk.
 *
 * @param format undefined: the standard one
 * @param parts all of them, in order
 * @param others files that would not go with them: those of an earlier run are removed
 */
export async function writeResults(
  folder: string,
  format: ResultsFormat | undefined,
  plan: ResultsPlan,
  parts: AsyncIterable<Part> | Iterable<Part>,
  others: readonly string[],
): Promise<Output[]> {
  const { files, writer: makeWriter } = FORMATS[format ?? STANDARD_FORMAT];
  const written = files(plan);
  const outputs = new StagedOutputs(folder);
  try {
    const writer = makeWriter(plan, outputs);
    for await (const part of parts) await writer.add(part);
    await writer.finish();
    const stale = [...resultsFileNames, ...others].filter(
      (name) => !written.some((file) => file.name === name),
    );
    await outputs.commit(stale);
  } catch (error) {
    await outputs.discard();
    throw error;
  }
  return written.map(({ name, content }) => ({ path: join(folder, name), content }));
}

function npyFiles({ samples, latentSize, sampleShape, hasPrior, hasReconstructions }: ResultsPlan) {
  return [
    { name: latentsName, content: `the codes z: ${samples} × ${latentSize}, float32` },
    { name: resultsTableName, content: showColumns(hasPrior) },
    ...(hasReconstructions
      ? [
          {
            name: reconstructionsName,
            content: `the decodings D(z): ${[samples, ...sampleShape].join(" × ")}, float32`,
          },
        ]
      : []),
  ];
}

function npyWriter(
  { samples, latentSize, sampleShape, hasReconstructions }: ResultsPlan,
  outputs: StagedOutputs,
): PartWriter {
  const append = async (name: string, shape: readonly number[], values: Float32Array, isFirst: boolean) => {
    if (isFirst) await outputs.append(name, npyHeader(shape));
    await outputs.append(name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  return {
    async add({ first, results }) {
      const isFirst = first === 0;
      const columns = resultColumns(results, first, results.ids);
      await append(latentsName, [samples, latentSize], results.z, isFirst);
      await outputs.append(resultsTableName, isFirst ? formatCsv(columns) : formatCsvRows(columns));
      if (hasReconstructions) {
        await append(reconstructionsName, [samples, ...sampleShape], results.reconstructions!, isFirst);
      }
    },
    async finish() {},
  };
}

function parquetFiles({ hasPrior, hasReconstructions }: ResultsPlan) {
  const reconstruction = hasReconstructions ? "reconstruction, " : "";
  return [{ name: parquetName, content: `the codes (latent), ${reconstruction}${showColumns(hasPrior)}` }];
}

type Schema = ConstructorParameters<typeof ParquetWriter>[0]["schema"];
type ParquetColumn = {
  readonly name: string;
  readonly data: unknown[];
  readonly schema: Schema;
  /** Of floats: the writer would else number values that come often, by a Map, to which -0 is 0. */
  readonly encoding?: "PLAIN";
};

function parquetWriter(plan: ResultsPlan, outputs: StagedOutputs): PartWriter {
  const bytes = new ByteWriter();
  let writer: ParquetWriter | undefined;
  const flush = async () => {
    await outputs.append(parquetName, bytes.getBytes().slice());
    // Its offset, which stands in the file, counts on.
    bytes.index = 0;
  };
  return {
    async add(part) {
      const columns = parquetColumns(plan, part);
      const schema: Schema = [
        { name: "root", num_children: columns.length },
        ...columns.flatMap((column) => column.schema),
      ];
      // The same in every process: no time, no name of a machine.
      writer ??= new ParquetWriter({ writer: bytes, schema, createdBy: "latentflow" });
      const columnData = columns.map(({ schema: _, ...column }) => column);
      await writer.write({ columnData, rowGroupSize: part.count });
      await flush();
    },
    async finish() {
      writer?.finish();
      await flush();
    },
  };
}

type Scalar = "INT64" | "DOUBLE" | "FLOAT";

/** The types of the columns that come after `index` and `id`. */
const TYPES: { readonly [name in Exclude<ResultColumn, "index" | "id">]: Scalar | "TEXT" } = {
  ...{ initial_loss: "FLOAT", loss: "FLOAT", prior: "FLOAT", objective: "FLOAT" },
  ...{ gradient_norm: "FLOAT", status: "TEXT", accepted_steps: "INT64", backtracks: "INT64", t: "DOUBLE" },
};

function parquetColumns({ latentSize, sampleShape, hasReconstructions }: ResultsPlan, part: Part) {
  const { results, first, count } = part;
  const { ids } = results;
  const { index, id, ...others } = resultColumns(results, first, ids);
  const scalars = (Object.keys(others) as (keyof typeof others)[]).map((name) => {
    const type = TYPES[name];
    return type === "TEXT" ? texts(name, others[name] as string[]) : scalar(name, others[name]!, type);
  });
  const sampleSize = elementCount(sampleShape);
  return [
    scalar("index", index!, "INT64"),
    ...(ids === undefined
      ? []
      : [ids instanceof BigInt64Array ? scalar("id", [...ids], "INT64") : texts("id", id as string[])]),
    lists("latent", results.z, latentSize, count),
    ...scalars,
    ...(hasReconstructions ? [lists("reconstruction", results.reconstructions!, sampleSize, count)] : []),
  ];
}

function scalar(name: string, values: Column | readonly bigint[], type: Scalar): ParquetColumn {
  const data = Array.from<number | string | bigint, unknown>(values, (value) =>
    type === "INT64" ? BigInt(value) : value,
  );
  const schema: Schema = [{ name, type, repetition_type: "REQUIRED" }];
  return { name, data, schema, ...(type !== "INT64" && { encoding: "PLAIN" }) };
}

function texts(name: string, data: readonly string[]): ParquetColumn {
  const schema = { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" } as const;
  return { name, data: [...data], schema: [schema] };
}

/** A column of lists of one length. */
function lists(name: string, values: Float32Array, size: number, count: number): ParquetColumn {
  const data = Array.from({ length: count }, (_, i) => Array.from(values.subarray(i * size, (i + 1) * size)));
  return {
    name,
    data,
    encoding: "PLAIN",
    schema: [
      { name, repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
    ],
  };
}
