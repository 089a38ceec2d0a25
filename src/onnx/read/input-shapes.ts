import { optionNames } from "../../base/check.ts";
import { gotten, option, theOption, wanted, words } from "../../base/message.ts";
import { invalidOption, objection, refused } from "../../base/refuse.ts";
import { show, showList, showShape } from "../../base/show.ts";
import { checkShape } from "../../decoder/output.ts";
import { hasBatchFirst, inputsOf } from "./inputs.ts";
import type { Declared, DeclaredLength, Model } from "./model.ts";

// Option `inputShapes` of loadOnnx: lengths that the file leaves open. Optimum's exports of diffusers' VAEs leave all of
// them open.

/**
 * Checks and copies the option `inputShapes`, shapes by input name.
 *
 * @throws LatentflowError `invalid_argument` if it is not an object of shapes
 */
export function checkInputShapes(shapes: unknown): ReadonlyMap<string, readonly number[]> {
  if (shapes === undefined) return new Map();
  const names = optionNames(shapes);
  if (names === undefined) {
    throw refused("inputShapes", "is", show(shapes), "an object such as { z: [4, 8, 8] }");
  }
  const given = shapes as Readonly<Record<string, unknown>>;
  return new Map(
    names.map((name) => [name, [...checkShape(`inputShapes.${name}`, given[name], "[4, 8, 8]")]]),
  );
}

/**
 * Returns the ONNX model with lengths from `shapes` in place of the lengths of inputs that the file leaves open.
 *
 * @param latent declaration of the latent input
 * @param points names of inputs with an axis of points
 * @param shapes option `inputShapes`: shapes by input name, without the batch axis and the axis of points
 * @throws LatentflowError `invalid_argument` if a name is not an input's, a shape contradicts the file, or lengths are
 *   still open
 */
export function withInputShapes(
  model: Model,
  latent: Declared,
  points: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Model {
  const inputs = inputsOf(model);
  const names = inputs.map(({ name }) => name);
  const unknown = [...shapes.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const shown = showList(names.map(show));
    const reason = words`names ${gotten(show(unknown))}, but the file's inputs are ${wanted(shown)}`;
    throw objection("inputShapes", reason);
  }
  // If the file declares no shape for the latent, its first axis is the batch.
  const rank = latent.shape?.length ?? (shapes.get(latent.name)?.length ?? 0) + 1;
  /** Returns the number of an input's leading axes that `inputShapes` leaves out: the batch axis and the axis of points. */
  const skipped = (input: Declared) => {
    const isPoints = points.includes(input.name);
    if (input.name === latent.name) return rank > 1 ? 1 : 0;
    return (
      (rank > 1 && hasBatchFirst(input.shape ?? [], latent.shape?.[0], isPoints) ? 1 : 0) + (isPoints ? 1 : 0)
    );
  };
  const filled = new Map(
    inputs.map((input) => {
      const shape = shapes.get(input.name);
      return [input.name, shape ? withShape(input, skipped(input), shape) : input];
    }),
  );
  const open = [...filled.values()].filter((input) => {
    return input.shape?.slice(skipped(input)).includes(undefined);
  });
  if (open.length > 0) throw leftOpen(open, skipped);
  return { ...model, inputs: model.inputs.map((input) => filled.get(input.name) ?? input) };
}

function withShape(input: Declared, skipped: number, given: readonly number[]): Declared {
  // If the file declares no shape, the first axis is the batch.
  const shape = input.shape ?? [undefined, ...given];
  const own = shape.slice(input.shape ? skipped : 1);
  const agrees = own.length === given.length && own.every((length, i) => (length ?? given[i]) === given[i]);
  if (!agrees) {
    const declared = `[${placeholders(input, skipped).join(", ")}]`;
    const but = words`but the file declares ${wanted(declared)}, without its batch`;
    const reason = words`is ${gotten(showShape(given))}, ${but}`;
    const advice = "; give other lengths only where it has names";
    throw objection(`inputShapes.${input.name}`, reason, advice);
  }
  return { ...input, shape: [...shape.slice(0, shape.length - own.length), ...given] };
}

/** Returns the lengths that the file declares for an input, as texts; for a length that the file leaves open, a name. */
function placeholders({ shape, names }: Declared, skipped: number): string[] {
  return (shape ?? []).slice(skipped).map((length: DeclaredLength, i) => {
    if (length !== undefined) return String(length);
    const name = names[i + skipped];
    return isIdentifier(name) ? name : `axis${i + skipped}`;
  });
}

function isIdentifier(name: string | undefined): name is string {
  return name !== undefined && /^[A-Za-z_$][\w$]{0,40}$/.test(name);
}

function leftOpen(open: readonly Declared[], skipped: (input: Declared) => number) {
  const shapes = open.slice(0, 4).map((input) => {
    const key = isIdentifier(input.name) ? input.name : show(input.name);
    return [key, placeholders(input, skipped(input))] as const;
  });
  const shown = shapes.map(([key, lengths]) => `${key}: [${lengths.join(", ")}]`).join(", ");
  const shapesOption = option(
    "inputShapes",
    Object.fromEntries(shapes),
    `the option inputShapes: { ${shown} }`,
  );
  const names = showList(open.map(({ name }) => show(name)));
  const them = open.length === 1 ? `the input ${names} is` : `the inputs ${names} are`;
  return invalidOption(
    "inputShapes",
    `${them} declared with lengths left open`,
    words`; give ${shapesOption}, with numbers in place of names, or, where one is the number of points, give ${theOption("points")}, with the input's name`,
  );
}
