import { bytesIn } from "../../base/values.ts";
import { formatCsv, formatCsvRows } from "../../files/csv.ts";
import { npyHeader } from "../../files/npy.ts";
import type { StagedOutputs } from "../output/output-files.ts";
import { resultColumns, resultsTableName, showColumns } from "../output/results.ts";
import type { Group, ResultsFormat } from "./results-format.ts";
import type { ResultsPlan } from "./results-plan.ts";

const latentsName = "latents.npy";
const reconstructionsName = "reconstructions.npy";
const samplesName = "samples.npy";
const sampleWeightsName = "sample-weights.npy";

/** Format of results: .npy arrays and a CSV table. */
export const npyResults: ResultsFormat = { files, write };

function files(plan: ResultsPlan) {
  const { samples, latentSize, sampleShape, hasPrior, hasReconstructions, codesPerSample } = plan;
  return [
    { name: latentsName, content: `the codes z: ${samples} × ${latentSize}, float32` },
    { name: resultsTableName, content: showColumns({ prior: hasPrior, sampling: codesPerSample > 0 }) },
    ...(hasReconstructions
      ? [
          {
            name: reconstructionsName,
            content: `the decodings D(z): ${[samples, ...sampleShape].join(" × ")}, float32`,
          },
        ]
      : []),
    ...(codesPerSample > 0
      ? [
          {
            name: samplesName,
            content: `codes drawn for each sample: ${samples} × ${codesPerSample} × ${latentSize}, float32`,
          },
          { name: sampleWeightsName, content: `their weights: ${samples} × ${codesPerSample}, float64` },
        ]
      : []),
  ];
}

async function write(
  { samples, latentSize, sampleShape, hasReconstructions, codesPerSample }: ResultsPlan,
  outputs: StagedOutputs,
  groups: AsyncIterable<Group>,
): Promise<void> {
  for await (const { first, results } of groups) {
    const isFirst = first === 0;
    const append = async (name: string, shape: readonly number[], values: Float32Array | Float64Array) => {
      const type = values instanceof Float32Array ? "float32" : "float64";
      if (isFirst) await outputs.append(name, npyHeader(shape, type));
      await outputs.append(name, bytesIn(values));
    };
    const columns = resultColumns(results, first);
    await append(latentsName, [samples, latentSize], results.z);
    await outputs.append(resultsTableName, isFirst ? formatCsv(columns) : formatCsvRows(columns));
    if (hasReconstructions)
      await append(reconstructionsName, [samples, ...sampleShape], results.reconstructions!);
    if (codesPerSample > 0) {
      const { codes, weights } = results.sampling!;
      await append(samplesName, [samples, codesPerSample, latentSize], codes);
      await append(sampleWeightsName, [samples, codesPerSample], weights);
    }
  }
}
