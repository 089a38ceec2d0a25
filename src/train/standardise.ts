import { indicesWhere, outputWarning } from "../backend/output-warning.ts";
import { option, subject, words } from "../base/message.ts";
import { invalidOption, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { type Decoder, decoderGraphOf, GraphDecoder } from "../decoder/decoder.ts";
import type { OperationDefinition } from "../graph/definition.ts";
import { readDefinition } from "../graph/read-definition.ts";
import { type Loss, lossTraits, type StandardLoss } from "../terms/losses.ts";
import type { OutputStatistics } from "./outputs.ts";

// Option `standardise` of `train`. The decoder is followed by an affine operation, output · deviation + mean, and its loss has the
// deviations as scale: such a loss is computed before the affine operation, on standardised data (src/backend/loss-units.ts), so
// that the operation's parameters are never updated.

/**
 * Checks that a decoder can be trained with `standardise`.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkStandardise(decoder: Decoder, loss: Loss): void {
  const name = subject("standardise");
  const { name: output } = decoder.outputActivation;
  if (loss.name !== "squaredError") {
    const got = `true with the loss ${lossTraits(loss).fileName ?? loss.name}`;
    throw refused(name, "is", got, words`the squared error, ${option("loss", "mse", 'loss: "mse"')}`);
  }
  if (loss.scale !== undefined) {
    const advice = "; leave it out: training goes on in the units of the loss's scale";
    throw refused(name, "is", "true with a loss that has a scale", "one of them", advice);
  }
  if (output !== "identity") {
    const got = `true, and the decoder's output activation ${show(output)}`;
    const expected = option("outputActivation", "identity", 'outputActivation: "identity"');
    throw refused(name, "is", got, words`${expected}`, ": standardised data lie around 0");
  }
  if (decoder.fixedInputs.some(({ hasPoints }) => hasPoints)) {
    const reason = "of which the outputs of all points have the same units";
    throw invalidOption(
      "standardise",
      words`${name} is true, expected false for a decoder over points, ${reason}`,
    );
  }
}

/** A decoder in the units of data, with its loss. */
interface Standardised {
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  readonly warnings: readonly string[];
}

/** Deviations within these bounds are taken as they are: those of the scale of a loss. */
const [LEAST, MOST] = [1e-37, 1e37];

/**
 * Returns the decoder D whose outputs are mean + deviation · D'(z), for the decoder D' given, and the loss whose scale the
 * deviations are. An output whose values are all the same, or of which fewer than two are seen, has the deviation 1.
 */
export function standardised(
  given: Decoder,
  { reduction }: Pick<StandardLoss, "reduction">,
  { means, deviations }: OutputStatistics,
): Standardised {
  const isPlain = (deviation: number) => deviation >= LEAST && deviation <= MOST;
  const scale = Array.from(deviations, (each) => (isPlain(each) ? Math.fround(each) : 1));
  const flat = indicesWhere(deviations, (each) => each === 0);
  const beyond = indicesWhere(deviations, (each) => each !== 0 && !isPlain(each));
  const { definition, prior, start, starts } = decoderGraphOf(given);
  const { outputShape, outputSize, parameters } = given;
  const names = new Set(definition.operations.map(({ name }) => name));
  const unique = (name: string): string => (names.has(name) ? unique(`${name}_`) : name);
  let input = definition.operations.at(-1)!.name;
  const operations: OperationDefinition[] = [...definition.operations];
  const add = (name: string, settings: object) => {
    operations.push({ ...settings, name: unique(name), inputs: [input] } as OperationDefinition);
    input = unique(name);
  };
  const isFlat = outputShape.length === 1;
  if (!isFlat) add("standardised", { kind: "reshape", shape: [outputSize] });
  add("units", { kind: "affine" });
  if (!isFlat) add("sample", { kind: "reshape", shape: outputShape });
  const loss: StandardLoss = Object.freeze({ name: "squaredError", reduction, scale: Object.freeze(scale) });
  const graph = readDefinition({ ...definition, operations });
  const values = new Float32Array(parameters.length + 2 * outputSize);
  values.set(parameters);
  values.set(scale, parameters.length);
  values.set(means, parameters.length + outputSize);
  return {
    decoder: new GraphDecoder({ ...graph, loss, prior, start, starts }, values),
    loss,
    warnings: [
      ...outputWarning(flat, "fewer than two different values are seen, and their deviation is taken as 1"),
      ...outputWarning(
        beyond,
        `the deviation is beyond ${LEAST} to ${MOST}, and is taken as 1; give the data in other units`,
      ),
    ],
  };
}
