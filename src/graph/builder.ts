import { calling, within } from "../base/calling.ts";
import { checkNumber, checkOptions } from "../base/check.ts";
import { subject, type Words, words } from "../base/message.ts";
import { invalidOption, objection, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { FixedInputDefinition, GraphDefinition, Length, OperationDefinition } from "./definition.ts";
import { LATENT, parametersOf } from "./graph.ts";
import type { OperationKind } from "./operations.ts";
import { readDefinition } from "./read-definition.ts";

/**
 * A layer: an operation that has no name yet. `sequential` takes a list of layers; within `graph` a layer is called with
 * values, as in Keras: `dense(256)(h)`, `add()(a, b)`.
 */
export interface Layer<Kind extends OperationKind = OperationKind> {
  /** Applies the layer to values within `graph`; returns its result as a value. */
  (...inputs: readonly Value[]): Value;
  /** Kind of the layer's operation, such as `"dense"`. */
  readonly kind: Kind;
  /** Settings of the operation as they were given, checked when the layer is used. */
  readonly settings: object;
}

/** Value within `graph`: an input, or the result of applying a layer. */
export interface Value {
  /** Layer whose application gave this value; absent for an input. */
  readonly layer?: Layer;
  /** Values that the layer was applied to; empty for an input. */
  readonly inputs: readonly Value[];
}

/**
 * Settings of a kind of operation, as definitions have them: a shape may have `"points"` for an axis whose length each call
 * sets.
 */
type SettingsOf<Kind extends OperationKind> = Omit<
  Extract<OperationDefinition, { readonly kind: Kind }>,
  "kind" | "name" | "inputs"
>;

/** Values made by `graph` and layers; only these are accepted, since a forged one might have itself among its inputs. */
const values = new WeakSet<object>();

function value(layer: Layer | undefined, inputs: readonly Value[]): Value {
  const made: Value = Object.freeze({ ...(layer && { layer }), inputs: Object.freeze([...inputs]) });
  values.add(made);
  return made;
}

/**
 * Throws unless a value was made by `graph` or a layer.
 *
 * @throws LatentflowError `invalid_argument`
 */
function checkValue(name: Words, given: unknown): asserts given is Value {
  if (typeof given === "object" && given !== null && values.has(given)) return;
  const hint = typeof given === "function" ? "; a layer is applied to values: elu()(h)" : "";
  throw refused(name, "is", show(given), "an input of graph or what a layer returns", hint);
}

/** Makes a layer of a kind of operation from its settings, which are checked when it is used. */
export function layer<Kind extends OperationKind>(
  kind: Kind,
  settings: SettingsOf<Kind> | object = {},
): Layer<Kind> {
  return calling(kind, () => {
    if (typeof settings !== "object" || settings === null) {
      throw refused(words`the ${subject("settings")}`, "are", show(settings), "an object");
    }
    const apply = (...inputs: readonly Value[]): Value =>
      calling(kind, () => {
        for (const [i, input] of inputs.entries()) {
          checkValue(subject(`inputs[${i}]`, `argument ${i}`), input);
        }
        return value(self as Layer, inputs);
      });
    const self: Layer<Kind> = Object.freeze(Object.assign(apply, { kind, settings }));
    return self;
  });
}

/**
 * Defines a decoder that applies layers one after the other, for `createDecoder`. The operations are named by their indices, as
 * in PyTorch's `Sequential`: `"0"`, `"1"`, …
 *
 * @throws LatentflowError `invalid_argument` if a layer has wrong settings, or the layers do not fit together
 * @example
 * const decoder = createDecoder(sequential(32, [
 *   dense(7 * 7 * 64), elu(), reshape([7, 7, 64]),
 *   convTranspose({ channels: 32, kernel: 4, stride: 2, padding: 1 }), elu(),
 *   convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 }), sigmoid(),
 * ]), { seed: 1 });
 */
export function sequential(latentSize: number, layers: readonly Layer[]): GraphDefinition {
  return calling("sequential", () => {
    if (!Array.isArray(layers)) throw refused("layers", "is", show(layers), "an array of layers");
    const operations = layers.map((value: unknown, i): OperationDefinition => {
      const { kind, settings } = checkLayer(subject(`layers[${i}]`, `layer ${i}`), value);
      const inputs = [i === 0 ? LATENT : String(i - 1)];
      return { ...settings, kind, name: String(i), inputs } as OperationDefinition;
    });
    const definition: GraphDefinition = { format: 1, layout: "channelsLast", latentSize, operations };
    readDefinition(definition, 1, "layers");
    return definition;
  });
}

function checkLayer(name: Words, value: unknown): Layer {
  const { kind, settings } = Object(value) as Partial<Layer>;
  if (typeof kind === "string" && typeof settings === "object" && settings !== null) return value as Layer;
  const hint = typeof value === "function" ? "; call it: elu()" : "";
  throw refused(name, "is", show(value), "one such as dense(10) or elu()", hint);
}

/** Name in messages of the function `latent`, which the caller's `build` has to call. */
const LATENT_CALL = subject("build", "latent");

/** Functions that add inputs to a decoder, for the function passed to `graph`. */
export interface GraphInputs {
  /** Adds the latent input, of `size` numbers. Must be called exactly once. */
  latent(size: number): Value;
  /**
   * Adds a fixed input, whose values are given with each sample. `shape` is the number of values, their shape, or `{ classes }`
   * for a single integer from 0 to `classes` - 1.
   */
  fixed(name: string, shape: number | readonly Length[] | { readonly classes: number }): Value;
  /**
   * Adds a fixed input of points (coordinates at which the decoder is evaluated), [points, channels]; each call sets the number
   * of points.
   */
  points(name: string, channels: number): Value;
}

/**
 * Defines a decoder whose values branch and join, for `createDecoder`.
 *
 * @param build adds the inputs and returns the output; operations that do not lead to the output are left out
 * @throws LatentflowError `invalid_argument` if the values do not fit together, or a layer with parameters is applied twice
 * @example
 * const decoder = createDecoder(graph(({ latent, points }) => {
 *   const [z, x] = [latent(64), points("xyz", 3)];
 *   const h = elu()(dense(256)(concat()(z, x)));
 *   return dense(1)(add()(h, elu()(dense(256)(concat()(h, x)))));
 * }));
 */
export function graph(build: (inputs: GraphInputs) => Value): GraphDefinition {
  return calling("graph", () => {
    if (typeof build !== "function") {
      throw refused("build", "is", show(build), "a function that returns the output");
    }
    const names = new Map<Value, string>();
    const fixed: FixedInputDefinition[] = [];
    let latentSize: number | undefined;
    const input = (name: string): Value => {
      const made = value(undefined, []);
      names.set(made, name);
      return made;
    };
    const addFixed = (definition: FixedInputDefinition): Value => {
      fixed.push(definition);
      return input(definition.name);
    };
    const output = build({
      latent(size) {
        if (latentSize !== undefined)
          throw objection(LATENT_CALL, "was called twice", "; call it once, and use what it returned again");
        latentSize = size;
        return input(LATENT);
      },
      fixed(name, shape) {
        if (typeof shape === "number") return addFixed({ name, shape: [shape] });
        if (Array.isArray(shape)) return addFixed({ name, shape });
        const given = shape as { readonly classes: number } | undefined;
        const readClasses = () => {
          checkOptions(given, { classes: true });
          return checkNumber("classes", given?.classes, { integer: true });
        };
        const classes = within(`fixed[${fixed.length}]`, readClasses, `the fixed input ${show(name)}`);
        return addFixed({ name, shape: [1], classes });
      },
      points: (name, channels) => addFixed({ name, shape: ["points", channels] }),
    });
    if (latentSize === undefined)
      throw objection(LATENT_CALL, "was not called", "; call it once: it makes the input that is encoded");
    const { operations, layers } = operationsTo(output, names);
    const definition: GraphDefinition = {
      format: 1,
      layout: "channelsLast",
      latentSize,
      ...(fixed.length > 0 && { fixed }),
      operations,
    };
    const withTensors = parametersOf(readDefinition(definition)).map(({ operation }) => operation);
    const twice = layers.findIndex((each, i) => withTensors.includes(i) && layers.indexOf(each) < i);
    if (twice >= 0) {
      const { kind } = layers[twice]!;
      const sentence = `a ${kind} layer was applied twice, and weights are not shared`;
      throw invalidOption(`operations[${twice}]`, sentence, "; make a layer for each");
    }
    return definition;
  });
}

/**
 * Returns the operations that lead to a value, in topological order and named by their indices, and the layers they come from.
 */
function operationsTo(
  output: Value,
  names: Map<Value, string>,
): { readonly operations: OperationDefinition[]; readonly layers: Layer[] } {
  checkValue(subject("build", "what build returns"), output);
  const operations: OperationDefinition[] = [];
  const layers: Layer[] = [];
  // Not recursive: a graph may be thousands of operations deep.
  const stack: Value[] = [output];
  while (stack.length > 0) {
    const value = stack.at(-1)!;
    if (names.has(value)) {
      stack.pop();
      continue;
    }
    const { layer: made, inputs } = value;
    if (made === undefined) throw invalidOption("build", "an input of another graph is read");
    const missing = inputs.filter((each) => !names.has(each));
    if (missing.length > 0) {
      stack.push(...missing.reverse());
      continue;
    }
    stack.pop();
    const { kind, settings } = made;
    const name = String(operations.length);
    names.set(value, name);
    layers.push(made);
    const reads = inputs.map((each) => names.get(each)!);
    operations.push({ ...settings, kind, name, inputs: reads } as OperationDefinition);
  }
  return { operations, layers };
}
