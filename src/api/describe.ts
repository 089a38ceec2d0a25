import { calling } from "../base/calling.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { parametersOf, stepsOf } from "../graph/graph.ts";
import { kindOf, type OperationKind, type Shape } from "../graph/operations.ts";

/** Operation of a decoder in the result of `describe`. */
export interface DescribedOperation {
  /** Name of the operation, as in the decoder's file or definition. */
  readonly name: string;
  /** Kind of the operation, such as `"dense"` or `"activation"`. */
  readonly kind: OperationKind;
  /** Short label: the operation's kind, such as `"dense"`, or the function that it applies, such as `"elu"`. */
  readonly operation: string;
  /** Shape of the operation's output, for one sample. */
  readonly shape: Shape;
  /** Number of parameters of this operation. */
  readonly parameters: number;
  /** Number of multiplications of this operation for one sample, in a forward pass. */
  readonly multiplications: number;
}

/** Result of `describe`; printed, or converted to a string, it is a table. */
export interface DecoderDescription {
  /** Number of values d of a latent. */
  readonly latentSize: number;
  /** Default start z0 of flows, latentSize values; null if all are 0. */
  readonly start: readonly number[] | null;
  /** Codes for several starts of each sample, latentSize values each; null if there are none. */
  readonly starts: readonly (readonly number[])[] | null;
  /** The decoder's operations in the order in which they are computed. */
  readonly operations: readonly DescribedOperation[];
  /** Total number of parameters. */
  readonly parameters: number;
  /** Total number of multiplications of a forward pass D(z) for one sample; the gradient ∇_z takes about as many more. */
  readonly multiplications: number;
  /** Returns the description as a table with a line for each operation and the totals below. */
  toString(): string;
}

/**
 * Describes a decoder: its operations with their shapes, parameters and multiplications, and totals.
 *
 * @throws LatentflowError `invalid_argument` when `decoder` is not a decoder, `disposed` when it has been disposed
 * @example
 * console.log(`${describe(decoder)}`);
 */
export function describe(decoder: Decoder): DecoderDescription {
  return calling("describe", () => {
    checkDecoder(decoder);
    const parameters = parametersOf(decoder);
    const operations = stepsOf(decoder).map(({ operation, inputShapes }, index): DescribedOperation => {
      const { name, kind, shape } = operation;
      const { label = () => kind, cost } = kindOf(operation);
      return {
        name,
        kind,
        operation: label(operation),
        shape,
        parameters: parameters
          .filter((one) => one.operation === index)
          .reduce((sum, { size }) => sum + size, 0),
        multiplications: cost(operation, inputShapes).multiplications,
      };
    });
    const sum = (of: "parameters" | "multiplications") =>
      operations.reduce((total, operation) => total + operation[of], 0);
    const description = {
      latentSize: decoder.latentSize,
      start: decoder.start ? [...decoder.start] : null,
      starts: decoder.starts ? rowsIn(decoder.starts, decoder.latentSize) : null,
      operations,
      parameters: sum("parameters"),
      multiplications: sum("multiplications"),
    };
    // Not enumerable: JSON of a description then has the data alone.
    const print = { enumerable: false, value: () => table(description) };
    return Object.defineProperties(description, { toString: print, [INSPECT]: print });
  });
}

/** Returns rows of `size` values as lists. */
function rowsIn(values: Float32Array, size: number): number[][] {
  return Array.from({ length: values.length / size }, (_, row) => [
    ...values.subarray(row * size, (row + 1) * size),
  ]);
}

/** Key of the method that Node's console.log calls to print a value. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

function table({ latentSize, operations, ...totals }: Omit<DecoderDescription, "toString">): string {
  const figures = ({ parameters, multiplications }: { parameters: number; multiplications: number }) =>
    [parameters, multiplications].map((count) => (count === 0 ? "" : count.toLocaleString("en")));
  const rows = [
    ["operation", "name", "shape", "parameters", "multiplications"],
    ["latent", "z", `${latentSize}`, "", ""],
    ...operations.map((row) => [row.operation, row.name, row.shape.join(" × "), ...figures(row)]),
    ["total", "", "", ...figures(totals)],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isNumber = (column: number) => column > 2;
  return rows
    .map((row) =>
      row
        .map((text, column) =>
          isNumber(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
