import type { OwnMethod } from "../../bench/own-method.ts";
import { STATUSES, type Status } from "../../src/solver/status.ts";

/** Where the loss is asked for, or "gradient": that of the point asked for last. */
export type Request = Float64Array | "gradient";

/** End of one sample's descent. */
export interface End {
  readonly z: Float64Array;
  readonly loss: number;
  readonly initialLoss: number;
  readonly gradientNorm: number;
  readonly steps: number;
  readonly status: Status;
}

/** A descent of one sample: yields what it needs and receives a loss, or a gradient. */
export type Descent<Result = End> = Generator<Request, Result, number | Float64Array>;

/** The loss at z. */
export function* lossAt(z: Float64Array): Descent<number> {
  return (yield z) as number;
}

/** The gradient at the point of the last `lossAt`. */
export function* gradientThere(): Descent<Float64Array> {
  return (yield "gradient") as Float64Array;
}

/**
 * A method that runs one descent for each sample and evaluates what they ask for together. Descents know objectives: results
 * have no losses.
 */
export function perSample(begin: (z0: Float64Array) => Descent): OwnMethod {
  return async (objective, solution, first, control) => {
    const { sampleCount, latentSize: d } = objective;
    const requests = new Map<number, Request>();
    const descents = Array.from({ length: sampleCount }, (_, row) =>
      begin(solution.z.slice((first + row) * d, (first + row + 1) * d)),
    );
    const take = (row: number, { value, done }: IteratorResult<Request, End>) => {
      if (!done) {
        requests.set(row, value);
        return;
      }
      requests.delete(row);
      const sample = first + row;
      solution.z.set(value.z, sample * d);
      solution.objective[sample] = value.loss;
      solution.initialObjective[sample] = value.initialLoss;
      solution.gradientNorm[sample] = value.gradientNorm;
      solution.acceptedSteps[sample] = value.steps;
      solution.end(sample, STATUSES.indexOf(value.status));
    };
    for (const [row, descent] of descents.entries()) take(row, descent.next());
    while (requests.size > 0 && !control.aborted()) {
      const wanting = (gradients: boolean) =>
        Int32Array.from(
          [...requests].flatMap(([row, request]) => ((request === "gradient") === gradients ? [row] : [])),
        );
      const [atPoints, atGradients] = [wanting(false), wanting(true)];
      if (atPoints.length > 0) {
        const z = new Float64Array(atPoints.length * d);
        atPoints.forEach((row, i) => {
          z.set(requests.get(row) as Float64Array, i * d);
        });
        const losses = (await objective.value(atPoints, z)).slice();
        for (const [i, row] of atPoints.entries()) {
          solution.valueEvaluations[first + row]!++;
          take(row, descents[row]!.next(losses[i]!));
        }
      }
      if (atGradients.length > 0) {
        const gradients = (await objective.gradient(atGradients)).slice();
        for (const [i, row] of atGradients.entries()) {
          solution.gradientEvaluations[first + row]!++;
          take(row, descents[row]!.next(gradients.slice(i * d, (i + 1) * d)));
        }
      }
      await control.pause();
    }
  };
}
