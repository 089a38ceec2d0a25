import { invalidFile } from "../../base/refuse.ts";
import type { Length } from "../../graph/definition.ts";
import { LATENT } from "../../graph/graph.ts";
import type { OperationKind } from "../../graph/operations.ts";
import { MOST_OPERATIONS } from "../../graph/settings.ts";
import type { Numbers } from "./tensor.ts";

/** Operation of the decoder's graph while the graph is being written. */
export interface Written {
  readonly kind: OperationKind;
  readonly name: string;
  inputs: readonly string[];
  /** Settings of its definition beside the kind, name and inputs. */
  settings: Readonly<Record<string, unknown>>;
  readonly shape: readonly Length[];
  /** Parameters, for kinds that have some. */
  weight?: Numbers;
  bias?: Numbers;
}

/** Settings and parameters for a new operation. */
export type Writing = Readonly<Partial<Pick<Written, "settings" | "weight" | "bias">>>;

/** Characters that names in definitions may not have, see `definition.ts`. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const LONGEST_NAME = 150;

/** Collects the operations of the decoder's graph in the order they are written. */
export class GraphWriter {
  readonly operations: Written[] = [];
  /** Prefix of the names of new operations. */
  label = "";
  readonly #names: Set<string>;
  /** Next number of an operation, by label and kind: a file may have thousands with one label. */
  readonly #next = new Map<string, number>();
  readonly #labels = new Map<string, string>();

  /** @param inputs the names of fixed inputs, which no operation may have */
  constructor(inputs: readonly string[]) {
    this.#names = new Set([LATENT, ...inputs]);
  }

  /** Appends an operation whose value has this shape; returns the operation's name. */
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

  /** Returns the label that the operation `name` was written under: a node, or module, of the file. */
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
