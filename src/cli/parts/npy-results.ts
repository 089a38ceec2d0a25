import { formatCsv, formatCsvRows } from "../../files/csv.ts";
import { npyHeader } from "../../files/npy.ts";
import type { StagedOutputs } from "../output/output-files.ts";
import { resultColumns, resultsTableName, showColumns } from "../output/results.ts";
import type { ResultsFormat, ResultsPlan, ResultsWriter } from "./results-format.ts";

const latentsName = "latents.npy";
const reconstructionsName = "reconstructions.npy";

/** Results as .npy files of codes and reconstructions beside a CSV table. */
export const npyResults: ResultsFormat = { files, writer };

function files({ samples, latentSize, sampleShape, hasPrior, hasReconstructions }: ResultsPlan) {
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

function writer(
  { samples, latentSize, sampleShape, hasReconstructions }: ResultsPlan,
  outputs: StagedOutputs,
): ResultsWriter {
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
