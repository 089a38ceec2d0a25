import { invalid } from "./check.ts";

/** The functions that make solvers. */
export type SolverName = "amd" | "lbfgs" | "euler" | "rk4" | "dormandPrince";

/** The functions that make values of ours with functions in them: solvers, flows and grids. */
export type MakerName = SolverName | ("gradientFlow" | "nesterovFlow") | ("linearGrid" | "logGrid");

/** Each maker by its name. */
export type Makers = { readonly [Name in MakerName]: (options: never) => unknown };

/**
 * A value of ours by the name of the function that makes it and the options it was made with: that can be sent to a
 * worker where the value itself, with functions in it, cannot.
 */
export interface Serialized {
  readonly maker: MakerName;
  readonly options: Readonly<Record<string, unknown>>;
}

/** For the values that our makers have made: what only looks like one has none. */
const origins = new WeakMap<object, Serialized>();

/** Whose each function of such a value is: a copy has those of what it was copied from. */
const owners = new WeakMap<object, object>();

/** Keeps what a value was made by, for `serialize` and `refuseCopy`; returns the value. */
export function serializable<T extends object>(value: T, maker: MakerName, options: object): T {
  origins.set(value, { maker, options: { ...options } });
  for (const part of Object.values(value)) if (typeof part === "function") owners.set(part, value);
  return value;
}

/** Refuses a copy of a value of ours: its functions would go on with the options of what it was copied from. */
export function refuseCopy(where: string, name: string, value: object): void {
  for (const part of Object.values(value)) {
    const owner = typeof part === "function" ? owners.get(part) : undefined;
    if (!owner || owner === value) continue;
    const { maker } = origins.get(owner)!;
    throw invalid(
      `${where}: ${name} is a copy of what ${maker}() has made, which works as that does whatever its options say; make one with the options wanted, ${maker}({ … })`,
    );
  }
}

/** Undefined where a part of the value has been made by somebody else and holds functions. */
export function serialize(value: object): Serialized | undefined {
  const origin = origins.get(value);
  if (!origin) return undefined;
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(origin.options)) {
    options[name] = holdsFunctions(option) ? serialize(option) : option;
    if (holdsFunctions(option) && !options[name]) return undefined;
  }
  return { maker: origin.maker, options };
}

/** Makes a value anew. */
export function deserialize({ maker, options }: Serialized, makers: Makers): unknown {
  const make = makers[maker];
  const own: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    own[name] = isSerialized(option) ? deserialize(option, makers) : option;
  }
  return make(own as never);
}

/** So that it can be sent only by its maker's name. */
function holdsFunctions(option: unknown): option is object {
  return (
    typeof option === "object" &&
    option !== null &&
    Object.values(option).some((part) => typeof part === "function")
  );
}

function isSerialized(option: unknown): option is Serialized {
  return typeof option === "object" && option !== null && "maker" in option;
}
