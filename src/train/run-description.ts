import { version } from "../../package.json";
import { checksum, showChecksum } from "../base/checksum.ts";
import { attached } from "../base/realms.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { stepsOf } from "../graph/graph.ts";
import type { Operation, OperationKind } from "../graph/operations.ts";
import type { Control } from "../solver/base.ts";
import { isCustom, type Loss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import type { Dataset } from "./dataset.ts";
import { pieces } from "./samples.ts";

/** A value that JSON keeps exactly. */
export type Leaf = string | number | boolean | null;

/**
 * What a run was made from: all that its end result depends on, by dotted names like `solver.stepMax`. A run goes
 * on from a checkpoint only where it is the same.
 */
export type RunDescription = Readonly<Record<string, Leaf>>;

/**
 * Describes a run.
 *
 * @param build what computes, see `Trainer.build`
 * @param options by name. Of values like solvers their numbers and names count, not their functions, which the
 *   package's version stands for
 */
export async function describeRun(
  decoder: Decoder,
  data: Dataset,
  validationData: Dataset | undefined,
  build: string,
  options: Readonly<Record<string, unknown>> & { readonly loss: Loss },
  control: Control,
): Promise<RunDescription> {
  const { latentSize, start } = decoder;
  // Names are left out, which change nothing.
  const operations = stepsOf(decoder).map(({ operation, inputs }) => {
    const { name, inputs: names, weight, bias, ...settings } = operation as Operation<"dense">;
    return { ...settings, reads: inputs };
  });
  const layers = decoder.operations.filter(({ kind }) => LAYERS.has(kind));
  return Object.fromEntries(
    leaves({
      ...{ version, build },
      decoder: [latentSize, ...layers.map(({ shape }) => shape.join("×"))].join(" → "),
      "decoder.operations": operations,
      "decoder.parameters": checksumOf(decoder.parameters),
      "decoder.start": start && checksumOf(start),
      data: await describeData(data, control),
      validationData: validationData && (await describeData(validationData, control)),
      ...options,
      loss: describeLoss(options.loss),
    }),
  );
}

/** Kinds of operation that people count as layers, from latent to output: `20 → 7×7×32 → 28×28×1`. */
const LAYERS: ReadonlySet<OperationKind> = new Set(["dense", "conv", "convTranspose"]);

/** Each number, text and truth value in `value` under its dotted name. */
export function leaves(value: unknown, name = ""): [name: string, leaf: Leaf][] {
  if (value === undefined || typeof value === "function") return [];
  // JSON knows no infinities.
  if (typeof value === "number") return [[name, Number.isFinite(value) ? value : String(value)]];
  if (typeof value !== "object" || value === null) return [[name, value as Leaf]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name ? `${name}.${key}` : key));
}

/** The functions of a loss of the caller's own are told apart by their source: no version stands for them. */
function describeLoss(loss: Loss): unknown {
  if (!isCustom(loss)) return loss;
  const functions = Object.entries({ ...loss }).filter(([, value]) => typeof value === "function");
  const source = new TextEncoder().encode(functions.map(([name, value]) => `${name}: ${value}`).join("\n"));
  return { ...loss, source: showChecksum(checksum(source)) };
}

/** A prior in a description. Of its numbers, a mixture may have a million, there is a checksum. */
export function describePrior({ name, weight, ...numbers }: Prior) {
  const text = new TextEncoder().encode(JSON.stringify(numbers));
  return { name, weight, numbers: showChecksum(checksum(text)) };
}

/** So many values are summed up between two pauses. */
const VALUES_AT_ONCE = 2 ** 20;

/**
 * Stands for values, of which there may be many, in a description.
 *
 * @param name what the caller knows them by, for messages
 */
export async function describeValues(name: string, values: Float32Array, control: Control): Promise<string> {
  let sum = 0;
  for (let first = 0; first < values.length; first += VALUES_AT_ONCE) {
    sum = checksum(bytesOf(values.subarray(first, first + VALUES_AT_ONCE)), sum);
    await control.pause();
  }
  // What was detached meanwhile has not been read to its end.
  attached(name, values);
  return showChecksum(sum);
}

async function describeData(data: Dataset, control: Control) {
  let sum = 0;
  for (const indices of pieces(data)) {
    sum = checksum(bytesOf(data.rows(indices)), sum);
    await control.pause();
  }
  return { samples: data.count, size: data.size, checksum: showChecksum(sum) };
}

function checksumOf(values: Float32Array): string {
  return showChecksum(checksum(bytesOf(values)));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
