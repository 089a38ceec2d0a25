import type { SolverName } from "../engine/messages.ts";
import { SOLVERS } from "../engine/solvers.ts";
import { withoutSecrets } from "../shown-address.ts";
import type { Part, Tool } from "./brush.ts";

/** Attributes of the element <latent-flow>. */
export const ATTRIBUTES = ["decoder", "picture", "brush", "brush-size", "hide", "solver"] as const;

/** Values of the element's attributes, with defaults filled in. */
export interface Settings {
  /** Absolute URL of the decoder's file. */
  readonly decoder: string;
  /** Absolute URL of the picture; undefined for an empty one to draw on. */
  readonly picture: string | undefined;
  /** Brush that is selected initially. */
  readonly brush: Tool;
  /** Diameter of the brush relative to the picture's width, above 0 and at most 1. */
  readonly brushSize: number;
  /** Part of the picture that is hidden initially. */
  readonly hide: Part;
  readonly solver: SolverName;
}

const TOOLS = ["draw", "hide"] as const satisfies readonly Tool[];
const PARTS = ["none", "top", "bottom", "left", "right"] as const satisfies readonly Part[];

/**
 * Reads the element's attributes.
 *
 * @throws Error that names an attribute whose value is not valid
 */
export function readSettings(element: Pick<Element, "getAttribute" | "baseURI">): Settings {
  const attribute = (name: (typeof ATTRIBUTES)[number]) => element.getAttribute(name) ?? undefined;
  const picture = attribute("picture");
  const choice = <T extends string>(
    name: (typeof ATTRIBUTES)[number],
    choices: readonly T[],
    standard: T,
  ): T => {
    const value = attribute(name) ?? standard;
    const found = choices.find((each) => each === value);
    if (found !== undefined) return found;
    throw new Error(`<latent-flow>: ${name} is "${value}", expected ${choices.join(", ")}.`);
  };
  const address = (name: "decoder" | "picture", value: string): string => {
    if (URL.canParse(value, element.baseURI)) return new URL(value, element.baseURI).href;
    throw new Error(`<latent-flow>: ${name} is "${withoutSecrets(value)}", expected the URL of a file.`);
  };
  const decoder = attribute("decoder");
  if (!decoder) {
    throw new Error("<latent-flow>: decoder is missing, expected the URL of an ONNX or a safetensors file.");
  }
  const size = attribute("brush-size") ?? "0.08";
  if (!(Number(size) > 0 && Number(size) <= 1)) {
    throw new Error(
      `<latent-flow>: brush-size is "${size}", expected a share of the width above 0, 1 at most.`,
    );
  }
  return {
    decoder: address("decoder", decoder),
    picture: picture && address("picture", picture),
    brush: choice("brush", TOOLS, picture ? "hide" : "draw"),
    brushSize: Number(size),
    hide: choice("hide", PARTS, "none"),
    solver: choice("solver", Object.keys(SOLVERS) as SolverName[], "lbfgs"),
  };
}
