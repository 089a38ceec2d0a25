import { showPath } from "../../base/show.ts";
import { type FixedArgument, kebabCase } from "./parse.ts";

// Lists of the commands' options that name input files.

/** Options that name a file of data, which may be stdin. */
export const dataOptions = [
  "data",
  "latents",
  "weights",
  "mask",
  "z0",
  "validate",
  "validateWeights",
  "validateMask",
  "priorFrom",
] as const;

/** Options that name the file of a network. */
export const networkOptions = ["decoder", "encoder", "architecture"] as const;

/** Options that choose the decoder; a command takes exactly one of them. */
export const decoderOptions = ["layers", "architecture", "decoder"] as const;

/** All options that name an input file, except `--fixed` and `--validate-fixed`. */
export const inputOptions = [...dataOptions, ...networkOptions];

/** Parsed options that name input files, each a path or several. */
export type InputFiles = { readonly [name in (typeof inputOptions)[number]]?: unknown } & {
  readonly fixed?: unknown;
  readonly validateFixed?: unknown;
};

/**
 * Returns the input files given on the command line, each with its option: those of the options in `names`, and those of
 * `--fixed` and `--validate-fixed`.
 */
export function givenFiles(
  options: InputFiles,
  names: readonly (typeof inputOptions)[number][],
): { readonly flag: string; readonly path: string }[] {
  const given = names.flatMap((name) =>
    [options[name]].flat().map((path: unknown) => ({ flag: `--${kebabCase(name)}`, path })),
  );
  const inputs = (["fixed", "validateFixed"] as const).flatMap((option) => {
    const values = (options[option] ?? []) as readonly FixedArgument[];
    return values.map(({ name, value: path }) => ({
      flag: `--${kebabCase(option)} ${showPath(name)}`,
      path,
    }));
  });
  return [...given, ...inputs].flatMap(({ flag, path }) =>
    typeof path === "string" ? [{ flag, path }] : [],
  );
}
