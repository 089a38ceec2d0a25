import { within } from "../base/calling.ts";
import { checkChoice, checkNumber, checkOptions } from "../base/check.ts";
import type { LatentflowError } from "../base/errors.ts";
import { atOnce, type Pausable } from "../base/event-loop.ts";
import { gotten, subject, type Words, wanted, words } from "../base/message.ts";
import { invalidOption, objection, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { FixedInputDefinition, GraphDefinition, OperationDefinition } from "./definition.ts";
import { type FixedInput, type Graph, LATENT } from "./graph.ts";
import { type Reader, type Shape, sizeOf } from "./kind.ts";
import { EntryLimit } from "./linear-map.ts";
import type { MapKind } from "./map-kind.ts";
import { KINDS, type OperationDescription, type OperationKind, READERS, readerOf } from "./operations.ts";
import { checkLengths, MOST_AXES, MOST_OPERATIONS } from "./settings.ts";

/**
 * Maximum count of numbers in a graph value for one sample: more would not fit into WebAssembly's memory with their gradients.
 */
const MOST_NUMBERS = 2 ** 28;
/** Bounds of an axis's length in a definition. */
const LENGTH = { min: 1, max: MOST_NUMBERS, integer: true };
const MOST_FIXED = 100;
/** Maximum number of inputs of an operation. The position of each input in a concatenation is computed from all before it. */
const MOST_INPUTS = 1000;

/**
 * Pattern of the names of operations and fixed inputs: 1 to 200 printable characters. Names may come from other files, such as
 * names of ONNX nodes.
 */
const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]{1,200}$/u;

const KEYS = {
  format: true,
  layout: true,
  latentSize: true,
  latentShape: true,
  outputLayout: true,
  fixed: true,
  operations: true,
} as const;

/**
 * Checks a definition and makes its graph, as `readingDefinition`, without pauses.
 *
 * @throws LatentflowError `invalid_argument` if it is not a valid definition
 */
export function readDefinition(...given: Parameters<typeof readingDefinition>): Graph {
  return atOnce(readingDefinition(...given));
}

/**
 * Checks a definition and makes its graph, with pauses: there may be thousands of operations, each with thousands of inputs.
 *
 * @param points number of points, for a definition that has an axis of points; default 1
 * @param list name of the caller's list of operations, for messages. Default "operations"
 * @throws LatentflowError `invalid_argument` if it is not a valid definition
 */
export function* readingDefinition(
  definition: GraphDefinition,
  points = 1,
  list = "operations",
): Pausable<Graph> {
  checkOptions(definition, KEYS);
  const { format, layout, operations } = definition;
  if (format !== 1) {
    const name = words`the graph's ${subject("format")}`;
    throw refused(name, "is", show(format), "1", "; a newer latentflow may read it");
  }
  if (layout !== "channelsLast") throw refused("layout", "is", show(layout), '"channelsLast"');
  const latentSize = checkNumber("latentSize", definition.latentSize, LENGTH);
  const { latentShape = [latentSize], outputLayout = "channelsLast" } = definition;
  if (sizeOf(checkLengths("latentShape", latentShape, 1)) !== latentSize) {
    throw refused("latentShape", "is", `[${latentShape}]`, `a shape of ${latentSize} numbers`);
  }
  checkChoice("outputLayout", outputLayout, ["channelsFirst", "channelsLast"]);
  const fixed = readFixed(definition.fixed ?? [], points);
  if (!Array.isArray(operations) || operations.length === 0) {
    const got = Array.isArray(operations) ? "empty" : show(operations);
    throw refused("operations", "is", got, "an array of at least one operation");
  }
  if (operations.length > MOST_OPERATIONS) {
    const got = gotten(`${operations.length} operations`);
    throw invalidOption(list, words`there are ${got}, expected ${wanted(`at most ${MOST_OPERATIONS}`)}`);
  }
  const values = new Map<string, Value>([[LATENT, { shape: [latentSize], readers: 0 }]]);
  for (const { name, shape, classes } of fixed) values.set(name, { shape, readers: 0, classes });
  // Not operations.map, which skips holes of a sparse array.
  const read: OperationDescription[] = [];
  const entries = new EntryLimit();
  const { length } = operations;
  for (let i = 0; i < length; i++) {
    const next = yield* readOperation(`${list}[${i}]`, operations[i], values, points, entries);
    values.set(next.name, { shape: next.shape, readers: 0 });
    read.push(next);
  }
  values.get(read.at(-1)!.name)!.readers++;
  checkRead(values);
  const own = structuredClone(definition);
  return {
    latentSize,
    fixedInputs: fixed,
    operations: read,
    definition: own,
    ...(fixed.some((input) => input.hasPoints) && {
      atPoints: (count) => readDefinition(own, count),
    }),
  };
}

/** A value that operations may read, while a definition is checked. */
interface Value {
  readonly shape: Shape;
  readers: number;
  /** Number of classes of a fixed input whose values are class numbers; undefined for any numbers. */
  readonly classes?: number | undefined;
}

/** Throws if a value other than the output is read by no operation: usually a name is wrong. */
function checkRead(values: ReadonlyMap<string, Value>): void {
  for (const [name, { readers }] of values) {
    if (readers > 0) continue;
    const [is, cure] =
      name === LATENT ? ["the latent", "let one read it"] : [`the value ${show(name)}`, "leave it out"];
    const sentence = `no operation reads ${is}, and it is not the output, which the last one makes; ${cure}`;
    throw invalidOption("operations", sentence);
  }
}

function readFixed(fixed: unknown, points: number): FixedInput[] {
  if (!Array.isArray(fixed) || fixed.length > MOST_FIXED) {
    throw refused("fixed", "is", show(fixed), `an array of at most ${MOST_FIXED} inputs`);
  }
  const names = new Set<string>([LATENT]);
  return Array.from(fixed, (input: unknown, i) => {
    const place = `fixed[${i}]`;
    const known = { name: true, shape: true, classes: true };
    within(place, () => checkOptions(input as FixedInputDefinition, known), "a fixed input");
    const { name, shape, classes } = Object(input) as Partial<FixedInputDefinition>;
    checkName(place, "a fixed input", name);
    if (names.has(name!)) throw refusedName(place, "two inputs", name!);
    names.add(name!);
    const readInput = (): FixedInput => {
      const lengths = readLengths(shape, points);
      if (sizeOf(lengths) > MOST_NUMBERS)
        throw refused(
          words`its ${subject("shape")}`,
          "is",
          `[${lengths}]`,
          `at most ${MOST_NUMBERS} numbers`,
        );
      return {
        name: name!,
        shape: lengths,
        hasPoints: Array.isArray(shape) && shape.includes("points"),
        ...(classes !== undefined && {
          classes: checkNumber("classes", classes, { min: 1, max: 2 ** 24, integer: true }),
        }),
      };
    };
    return within(place, readInput, `the fixed input ${show(name)}`);
  });
}

function readLengths(shape: unknown, points: number): Shape {
  if (!Array.isArray(shape) || shape.length === 0 || shape.length > MOST_AXES) {
    throw refused("shape", "is", show(shape), `an array of 1 to ${MOST_AXES} lengths`);
  }
  if (shape.filter((length) => length === "points").length > 1) {
    const got = gotten('"points"');
    throw invalidOption("shape", words`two axes are ${got}, expected ${wanted("one at most")}`);
  }
  return Array.from(shape, (length: unknown, i) =>
    length === "points" ? points : checkNumber(`shape[${i}]`, length, LENGTH),
  );
}

function checkName(place: string, what: string, name: unknown): void {
  if (typeof name === "string" && PRINTABLE.test(name) && name !== LATENT) return;
  const expected = `1 to 200 printable characters, not "${LATENT}"`;
  throw refused(words`the ${subject(`${place}.name`, "name")} of ${what}`, "is", show(name), expected);
}

/** Makes the error about a name that `things` share; the second of them has the name at `place`. */
function refusedName(place: string, things: string, name: string): LatentflowError {
  const sentence = words`${things} are called ${gotten(show(name))}, expected ${wanted("each name once")}`;
  return invalidOption(`${place}.name`, sentence);
}

function* readOperation(
  place: string,
  operation: unknown,
  values: ReadonlyMap<string, Value>,
  points: number,
  entries: EntryLimit,
): Pausable<OperationDescription> {
  const { kind, name, inputs, ...settings } = Object(operation) as Partial<OperationDefinition>;
  if (typeof kind !== "string" || !Object.hasOwn(READERS, kind)) {
    const kinds = Object.keys(READERS).join(", ");
    const hint = /batch.?norm/i.test(show(kind))
      ? ". A BatchNorm in training depends on its batch, which a decoder here never does: with fixed statistics it is " +
        "affine, and groupNorm or layerNorm can be trained"
      : "";
    const found = words`an operation's ${subject(`${place}.kind`, "kind")}`;
    throw objection(found, words`is ${gotten(show(kind))}; the kinds are ${wanted(kinds)}${hint}`);
  }
  checkName(place, "an operation", name);
  if (values.has(name!)) throw refusedName(place, "two values", name!);
  const inPlace = <T>(run: () => T): T => within(place, run, `${kind} ${show(name)}`);
  const reader = readerOf(kind);
  const { described, shapes } = inPlace(() => {
    const shapes = readInputs(kind, reader, inputs, values);
    checkOptions(settings, reader.settings as never);
    return { shapes, described: reader.read(withPoints(kind, settings, points), shapes) };
  });
  const { axes, entries: ownEntries } = KINDS[kind] as Partial<MapKind<object>>;
  inPlace(() => entries.count(ownEntries?.(described) ?? 0));
  for (let i = 0; axes && i < shapes.length; i++) {
    yield;
    inPlace(() => entries.add(axes(described, shapes, i), sizeOf(shapes[i]!)));
  }
  inPlace(() => checkOutputSize(described.shape));
  yield;
  return { kind, name, inputs, ...described } as OperationDescription;
}

function checkOutputSize(shape: Shape): void {
  const size = sizeOf(shape);
  const output = subject("", `its output [${shape}]`);
  if (size > MOST_NUMBERS) throw refused(output, "has", `${size} numbers`, `at most ${MOST_NUMBERS}`);
}

function readInputs(
  kind: OperationKind,
  { reads }: Reader<object, object>,
  inputs: unknown,
  values: ReadonlyMap<string, Value>,
): Shape[] {
  const fits = Array.isArray(inputs) && (reads === "some" ? inputs.length > 0 : inputs.length === reads);
  if (!fits || inputs.length > MOST_INPUTS) {
    const some = `1 to ${MOST_INPUTS} values`;
    const expected = { 0: "no value", 1: "one value", 2: "two values", 3: "three values", some }[reads];
    throw refused("inputs", "is", show(inputs), `an array that names ${expected}`);
  }
  return Array.from(inputs, (input: unknown, i) => {
    const value = values.get(input as string);
    const refuse = (sentence: Words) => invalidOption(`inputs[${i}]`, sentence);
    const shown = show(input);
    if (!value)
      throw refuse(words`it reads ${gotten(shown)}, which no input and no operation before it is called`);
    value.readers++;
    if ((value.classes !== undefined) !== (kind === "embedding")) {
      throw value.classes === undefined
        ? refuse(words`it reads ${gotten(shown)}, expected ${wanted("a fixed input with classes")}`)
        : refuse(`it reads ${shown}, whose numbers are classes; only an embedding reads such`);
    }
    return value.shape;
  });
}

/** Returns an operation's settings with "points" in a shape replaced by the number of points. */
function withPoints(kind: OperationKind, settings: object, points: number): object {
  const { shape } = settings as { readonly shape?: unknown };
  const mayHave = (kind === "reshape" || kind === "expand") && Array.isArray(shape);
  // A longer array is rejected by the kind's reader; searching millions of lengths may take minutes.
  if (!mayHave || shape.length > MOST_AXES || !shape.includes("points")) return settings;
  return { ...settings, shape: readLengths(shape, points) };
}
