import { invalidFile } from "../../base/refuse.ts";
import type { Length } from "../../graph/definition.ts";
import { LATENT } from "../../graph/graph.ts";
import type { OperationKind } from "../../graph/operations.ts";
import { MOST_OPERATIONS } from "../../graph/settings.ts";
import type { Numbers } from "./tensor.ts";

/** Operation of the decoder's graph during the import of an ONNX file. */
export interface Written {
  readonly kind: OperationKind;
  readonly name: string;
  /** Names of the values that the operation reads. */
  readonly inputs: readonly string[];
  /** Settings for the operation's definition, in addition to kind, name and inputs. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Shape of the operation's output, for one sample. */
  readonly shape: readonly Length[];
  /** Parameters, for kinds of operations that have them. */
  readonly weight?: Numbers;
  /** Bias, for kinds of operations that have one. */
  readonly bias?: Numbers;
}

/** Settings and parameters of a new operation. */
export type Writing = Readonly<Partial<Pick<Written, "settings" | "weight" | "bias">>>;

/** Characters that are not allowed in names of definitions (definition.ts). */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const LONGEST_NAME = 150;

/** Collects the operations of a decoder's graph, in order. */
export class GraphWriter {
  /** Operations written so far, in the order in which they are computed. */
  readonly operations: Written[] = [];
  /** Prefix for the names of new operations: a node of the ONNX file, or its PyTorch module. */
  label = "";
  readonly #names: Set<string>;
  /** Number for the next operation's name, by label and kind. A counter, since a file may have thousands with one label. */
  readonly #next = new Map<string, number>();
  readonly #labels = new Map<string, string>();

  /** @param inputs names of fixed inputs, which operations cannot have */
  constructor(inputs: readonly string[]) {
    this.#names = new Set([LATENT, ...inputs]);
  }

  /**
   * Appends an operation and returns its name.
   *
   * @param shape shape of the operation's value, without the batch axis
   * @throws LatentflowError `invalid_file` if there are too many operations
   */
  write(
    kind: OperationKind,
    inputs: readonly string[],
    shape: readonly Length[],
    { settings = {}, weight, bias }: Writing = {},
  ): string {
    if (this.operations.length >= MOST_OPERATIONS) {
      throw invalidFile(`the graph would have more than ${MOST_OPERATIONS} operations`);
    }
    const name = this.#nameFor(kind);
    this.#labels.set(name, this.label);
    const tensors = { ...(weight && { weight }), ...(bias && { bias }) };
    this.operations.push({ kind, name, inputs, settings, shape, ...tensors });
    return name;
  }

  /** Returns the node of the file, or its PyTorch module, that the operation `name` was translated from. */
  labelOf(name: string): string {
    return this.#labels.get(name) || name;
  }

  #nameFor(kind: string): string {
    const base = this.label.replace(UNPRINTABLE, "").slice(0, LONGEST_NAME) || kind;
    const numbered = `${base}.${kind}`;
    let name = base;
    let next = this.#next.get(numbered) ?? 1;
    for (; this.#names.has(name); next++) name = `${numbered}${next === 1 ? "" : next}`;
    this.#next.set(numbered, next);
    this.#names.add(name);
    return name;
  }
}
