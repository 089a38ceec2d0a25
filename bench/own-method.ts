import type { Backend } from "../src/index.ts";
import type { Control } from "../src/solver/base.ts";
import type { Objective } from "../src/solver/objective.ts";
import type { Solution } from "../src/solver/solution.ts";

/** Method that follows the flows of an objective's samples and is no solver of the package, for comparison. */
export type OwnMethod = (
  objective: Objective,
  solution: Solution,
  first: number,
  control: Control,
) => Promise<void>;

/** A backend that solves by an own method, whatever the solver of the call. */
export function solvingBy(backend: Backend, method: OwnMethod): Backend {
  return {
    name: backend.name,
    async open(decoder, use) {
      const session = await backend.open(decoder, use);
      return {
        ...session,
        info: session.info,
        async solve(problem, _pair, solution, control) {
          const size = session.objectiveSize(problem);
          for (let first = 0; first < problem.sampleCount && !control.aborted(); first += size) {
            const count = Math.min(size, problem.sampleCount - first);
            const objective = await session.objective(problem, first, count);
            try {
              await method(objective, solution, first, control);
            } finally {
              objective.dispose();
            }
            await control.pause();
          }
        },
      };
    },
  };
}
