import { type Damage, intact, noisy, randomMissing, squaredErrors, topHalfMissing } from "./given.ts";
import type { Method } from "./methods.ts";
import { type Labelled, neighbourAccuracy } from "./nearest-neighbours.ts";

/** What digits are to be found again from, by the columns' names. */
export const DAMAGES = {
  intact,
  "50 % missing": randomMissing(0.5),
  "90 % missing": randomMissing(0.9),
  "top half missing": topHalfMissing,
  "noise 0.5": noisy(0.5),
  "noise 1": noisy(1),
} as const satisfies Readonly<Record<string, Damage>>;
export type DamageName = keyof typeof DAMAGES;
export const DAMAGE_NAMES = Object.keys(DAMAGES) as DamageName[];

/** What methods are measured on. */
export interface Task {
  /** Pixels of a digit. */
  readonly size: number;
  /** Digits with their classes, whose codes are a query's neighbours. */
  readonly references: Labelled;
  /** Unseen digits with their classes, which are damaged, too. */
  readonly queries: Labelled;
  /** Neighbours that a query has. */
  readonly neighbours: number;
  readonly seed: number;
}

/** A mean over samples and its standard error. */
export interface Estimate {
  readonly mean: number;
  readonly standardError: number;
}

/** What a method came to. */
export interface Figures {
  readonly method: string;
  /** ‖z‖ of the queries' codes. */
  readonly norm: Estimate;
  /** The share of queries that their nearest references' codes classify rightly. */
  readonly accuracy: number;
  /** Of a flow on intact queries. */
  readonly gradients: number | undefined;
  /** Of a flow: the least share of samples that have converged, over all that it was given. */
  readonly converged: number | undefined;
  /** The mean squared error of the missing pixels, or, where none was missing, of all. */
  readonly errors: Readonly<Record<DamageName, Estimate>>;
}

export async function measure(
  method: Method,
  { size, references, queries, neighbours, seed }: Task,
): Promise<Figures> {
  const known = await method.codes(intact(references.points, size, seed));
  const digits = queries.points;
  const asked = await method.codes(intact(digits, size, seed));
  const d = method.codeSize;
  const shares = [known.converged, asked.converged];
  const errors: Partial<Record<DamageName, Estimate>> = {};
  for (const name of DAMAGE_NAMES) {
    const given = DAMAGES[name](digits, size, seed);
    const { z, converged } = name === "intact" ? asked : await method.codes(given);
    shares.push(converged);
    errors[name] = estimate(squaredErrors(digits, given, await method.images(z), size));
  }
  const norms = Float64Array.from({ length: asked.z.length / d }, (_, i) =>
    Math.hypot(...asked.z.subarray(i * d, (i + 1) * d)),
  );
  return {
    method: method.name,
    norm: estimate(norms),
    accuracy: neighbourAccuracy(
      { points: known.z, labels: references.labels },
      { points: asked.z, labels: queries.labels },
      ...([d, neighbours] as const),
    ),
    gradients: asked.gradients,
    converged: shares.reduce((least, share) => (least === undefined ? share : Math.min(least, share ?? 1))),
    errors: errors as Record<DamageName, Estimate>,
  };
}

function estimate(values: Float64Array): Estimate {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / Math.max(count - 1, 1) / count) };
}
