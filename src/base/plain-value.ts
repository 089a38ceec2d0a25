import { LatentflowError, placeError } from "./errors.ts";
import { refused } from "./refuse.ts";
import { alternatives, callHint, show } from "./show.ts";

/** Functions that make a value of each kind, by name of the kind, from the options that the value consists of. */
type Makers<Value extends { readonly name: string }> = {
  readonly [Name in Value["name"]]: (options: never) => Extract<Value, { readonly name: Name }>;
};

/**
 * Rebuilds, and so checks, a plain value (an object of a name and options, without functions) from its name and options: it may
 * be a changed copy, or come from JSON, a message or another copy of the package.
 *
 * @param option name of the option that has the value
 * @param makers functions that make a value of each kind
 * @param others descriptions of other allowed values for the message, such as `a number > 0`
 * @throws LatentflowError `invalid_argument` if the value is of an unknown kind, has functions, or an option of it is wrong
 */
export function checkPlain<Value extends { readonly name: string }>(
  option: string,
  value: unknown,
  makers: Makers<Value>,
  ...others: string[]
): Value {
  let method: string | undefined;
  if (typeof value === "object" && value !== null) {
    try {
      const { name, ...options } = { ...value } as Readonly<Record<string, unknown>>;
      method = Object.keys(options).find((key) => typeof options[key] === "function");
      if (method === undefined && typeof name === "string" && Object.hasOwn(makers, name)) {
        return makers[name as Value["name"]](options as never);
      }
    } catch (cause) {
      if (cause instanceof LatentflowError) placeError(cause, { text: option, option }, true);
      throw cause;
    }
  }
  const own = method === undefined ? "" : ` with a function ${show(method)} of its own`;
  const expected = alternatives([...others, ...Object.keys(makers).map((name) => `${name}()`)]);
  throw refused(option, "is", show(value) + own, expected, callHint(value));
}
