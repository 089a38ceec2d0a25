/**
 * How a value of ours was made: the name of its maker and the options, which can be sent to a worker where the
 * value itself, with functions in it, cannot.
 */
export interface Recipe {
  readonly maker: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** For the values that our makers have made: what only looks like one has none. */
const recipes = new WeakMap<object, Recipe>();

/** Keeps the recipe of a value, for `recipeOf`; returns the value. */
export function withRecipe<T extends object>(value: T, maker: string, options: object): T {
  recipes.set(value, { maker, options: { ...options } });
  return value;
}

/**
 * The recipe of a value, with recipes in place of the values among its options; undefined where a part of it has
 * been made by somebody else and holds functions.
 */
export function recipeOf(value: object): Recipe | undefined {
  const recipe = recipes.get(value);
  if (!recipe) return undefined;
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(recipe.options)) {
    options[name] = isValue(option) ? recipeOf(option) : option;
    if (isValue(option) && !options[name]) return undefined;
  }
  return { maker: recipe.maker, options };
}

/** Makes a value by its recipe. */
export function fromRecipe(recipe: Recipe, makers: Makers): unknown {
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(recipe.options)) {
    options[name] = isRecipe(option) ? fromRecipe(option, makers) : option;
  }
  const make = makers[recipe.maker];
  if (!make) throw new Error(`no maker is called ${recipe.maker}`);
  return make(options as never);
}

/** Makers by their names. */
export type Makers = Readonly<Record<string, (options: never) => unknown>>;

/** Has it functions, so that it can be sent only as a recipe? */
function isValue(option: unknown): option is object {
  return (
    typeof option === "object" &&
    option !== null &&
    Object.values(option).some((part) => typeof part === "function")
  );
}

function isRecipe(option: unknown): option is Recipe {
  return typeof option === "object" && option !== null && "maker" in option;
}
