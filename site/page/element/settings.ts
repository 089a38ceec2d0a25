import type { SolverName } from "../engine/messages.ts";
import { SOLVERS } from "../engine/solvers.ts";
import type { Part, Tool } from "./brush.ts";

/** Attributes of the element. */
export const ATTRIBUTES = ["decoder", "picture", "brush", "brush-size", "hide", "solver"] as const;

/** What the attributes say. */
export interface Settings {
  /** URL of the decoder's file. */
  readonly decoder: string;
  /** URL of the picture; undefined for an empty one to draw on. */
  readonly picture: string | undefined;
  /** Brush that is taken up at first. */
  readonly brush: Tool;
  /** Diameter of the brush, as a share of the picture's width. */
  readonly brushSize: number;
  /** Part that is hidden at first. */
  readonly hide: Part;
  readonly solver: SolverName;
}

const TOOLS = ["draw", "hide"] as const satisfies readonly Tool[];
const PARTS = ["none", "top", "bottom", "left", "right"] as const satisfies readonly Part[];

/** Reads the attributes. @throws Error that names the one that is wrong */
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
  const decoder = attribute("decoder");
  if (decoder === undefined) {
    throw new Error("<latent-flow>: decoder is missing, expected the URL of an ONNX or a safetensors file.");
  }
  const size = attribute("brush-size") ?? "0.08";
  if (!(Number(size) > 0 && Number(size) <= 1)) {
    throw new Error(
      `<latent-flow>: brush-size is "${size}", expected a share of the width above 0, 1 at most.`,
    );
  }
  return {
    decoder: new URL(decoder, element.baseURI).href,
    picture: picture && new URL(picture, element.baseURI).href,
    brush: choice("brush", TOOLS, picture ? "hide" : "draw"),
    brushSize: Number(size),
    hide: choice("hide", PARTS, "none"),
    solver: choice("solver", Object.keys(SOLVERS) as SolverName[], "lbfgs"),
  };
}
