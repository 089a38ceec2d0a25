import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { elementCount } from "../../files/array.ts";
import type { Column } from "../../files/csv.ts";
import type { StagedOutputs } from "../output/output-files.ts";
import { resultColumns, showColumns } from "../output/results.ts";
import type { Group, ResultsFormat } from "./results-format.ts";
import type { ResultsPlan } from "./results-plan.ts";

const parquetName = "results.parquet";

/** Format of results: one Parquet file, with a row group for each group of samples. */
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

async function write(plan: ResultsPlan, outputs: StagedOutputs, groups: AsyncIterable<Group>): Promise<void> {
  const bytes = new ByteWriter();
  let writer: ParquetWriter | undefined;
  const flush = async () => {
    await outputs.append(parquetName, bytes.getBytes().slice());
    // Only the buffer is emptied: the offset in the file keeps counting.
    bytes.index = 0;
  };
  for await (const group of groups) {
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

function parquetColumns(plan: ResultsPlan, { results, first, count }: Group) {
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
