import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { elementCount } from "../../files/array.ts";
import type { Column } from "../../files/csv.ts";
import type { StagedOutputs } from "../output/output-files.ts";
import { resultColumns, showColumns } from "../output/results.ts";
import type { Part } from "./part.ts";
import type { ResultsFormat } from "./results-format.ts";
import { type ResultsPlan, sampleBytes } from "./results-plan.ts";
import { joinAll, sliceAll } from "./sample-slices.ts";

const parquetName = "results.parquet";

/** Format of results: one Parquet file. */
export const parquetResults: ResultsFormat = { files, write };

function files({ hasPrior, hasReconstructions, codesPerSample }: ResultsPlan) {
  const reconstruction = hasReconstructions ? "reconstruction, " : "";
  const samples = codesPerSample > 0 ? "samples, sample_weights, " : "";
  const columns = showColumns({ prior: hasPrior, sampling: codesPerSample > 0 });
  return [{ name: parquetName, content: `the codes (latent), ${reconstruction}${samples}${columns}` }];
}

type Schema = ConstructorParameters<typeof ParquetWriter>[0]["schema"];
type ParquetColumn = {
  readonly name: string;
  readonly data: unknown[];
  readonly schema: Schema;
  /** "PLAIN" for floats, since the writer's dictionary encoding would turn -0 into 0. */
  readonly encoding?: "PLAIN";
};

/** Limits of a row group, which do not depend on the parts, so that the file does not either: samples, and bytes of them. */
const ROW_GROUP = { samples: 10_000, bytes: 2 ** 26 };

async function write(plan: ResultsPlan, outputs: StagedOutputs, parts: AsyncIterable<Part>): Promise<void> {
  const bytes = new ByteWriter();
  let writer: ParquetWriter | undefined;
  const flush = async () => {
    await outputs.append(parquetName, bytes.getBytes().slice());
    // Only the buffer is emptied: the offset in the file keeps counting.
    bytes.index = 0;
  };
  const most = Math.max(1, Math.min(ROW_GROUP.samples, Math.floor(ROW_GROUP.bytes / sampleBytes(plan))));
  for await (const group of regroup(parts, most)) {
    const columns = parquetColumns(plan, group);
    const schema: Schema = [
      { name: "root", num_children: columns.length },
      ...columns.flatMap((column) => column.schema),
    ];
    // Without a time or a machine's name, so that every process writes the same bytes.
    writer ??= new ParquetWriter({ writer: bytes, schema, createdBy: "latentflow" });
    const columnData = columns.map(({ schema: _, ...column }) => column);
    await writer.write({ columnData, rowGroupSize: group.count });
    await flush();
  }
  writer?.finish();
  await flush();
}

type RowGroup = Pick<Part, "first" | "count" | "results">;

/** Cuts the results of consecutive samples into groups of `size` samples; the last one may have fewer. */
async function* regroup(parts: AsyncIterable<Part>, size: number): AsyncGenerator<RowGroup> {
  let [first, count] = [0, 0];
  let pieces: Part["results"][] = [];
  const group = () => ({ first, count, results: joinAll(pieces) });
  for await (const part of parts) {
    for (let at = 0; at < part.count; ) {
      const end = Math.min(part.count, at + size - count);
      pieces.push(sliceAll(part.results, part.count, at, end));
      count += end - at;
      at = end;
      if (count < size) continue;
      yield group();
      first += count;
      [count, pieces] = [0, []];
    }
  }
  if (count > 0) yield group();
}

function parquetColumns(plan: ResultsPlan, { results, first, count }: RowGroup) {
  const { latentSize, sampleShape, hasReconstructions, codesPerSample } = plan;
  const { index, id, ...figures } = resultColumns(results, first);
  const sampleSize = elementCount(sampleShape);
  return [
    single("index", index),
    ...(id ? [single("id", id)] : []),
    lists("latent", results.z, latentSize, count),
    ...Object.entries(figures).map(([name, values]) => single(name, values)),
    ...(hasReconstructions ? [lists("reconstruction", results.reconstructions!, sampleSize, count)] : []),
    ...(codesPerSample > 0
      ? [
          lists("samples", results.sampling!.codes, codesPerSample * latentSize, count),
          lists("sample_weights", results.sampling!.weights, codesPerSample, count),
        ]
      : []),
  ];
}

/** Makes a Parquet column with one value per row: a number from a typed array, otherwise a text. */
function single(name: string, values: Column): ParquetColumn {
  if (!ArrayBuffer.isView(values)) {
    const type = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
    return { name, data: [...values], schema: [{ name, ...type, repetition_type: "REQUIRED" }] };
  }
  const type = values instanceof Float32Array ? "FLOAT" : values instanceof Float64Array ? "DOUBLE" : "INT64";
  const data = Array.from<number | bigint, unknown>(values, (value) =>
    type === "INT64" ? BigInt(value) : value,
  );
  const schema: Schema = [{ name, type, repetition_type: "REQUIRED" }];
  return { name, data, schema, ...(type !== "INT64" && { encoding: "PLAIN" }) };
}

/** Makes a Parquet column of lists with `size` numbers each. */
function lists(
  name: string,
  values: Float32Array | Float64Array,
  size: number,
  count: number,
): ParquetColumn {
  const type = values instanceof Float32Array ? "FLOAT" : "DOUBLE";
  const data = Array.from({ length: count }, (_, i) => Array.from(values.subarray(i * size, (i + 1) * size)));
  return {
    name,
    data,
    encoding: "PLAIN",
    schema: [
      { name, repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type, repetition_type: "REQUIRED" },
    ],
  };
}
