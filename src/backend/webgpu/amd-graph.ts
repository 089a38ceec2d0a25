import type { Amd } from "../../solver/amd.ts";
import { countLimits, fallShares, LARGEST, SCALARS, type Scalar, stateLayout } from "./amd-state.ts";
import { OnnxGraph, type Operand, type Tensor } from "./onnx.ts";
import { dataInputs, type ObjectiveShape, objective, parameterInputs } from "./passes.ts";

/**
 * Trials in one graph. With more of them the GPU is waited for less often, but samples that have ended keep their
 * rows longer.
 */
export const TRIALS = 8;

/** [rows, layout.size], before and after. */
export const STATE = "state";
export const NEW_STATE = "newState";

/** The state of all rows on its way through the graph, each part [rows, its width]. */
interface State extends Readonly<Record<Exclude<Scalar, "firstLoss">, Tensor>> {
  readonly z: Tensor;
  readonly gradient: Tensor;
  readonly falls: Tensor;
  /** t1 - t */
  readonly rest: Tensor;
}

/** Writes l(y, D(z)), [rows, 1], and ∇_z l at a point. */
type Evaluate = (z: Tensor) => { readonly value: Tensor; gradient(): Tensor };

/**
 * TRIALS trials of AMD for every row. Those that have ended stay as they are. It is the solver of
 * src/solver/amd.ts without branches: each row has its own step and its own end, and gradients are computed with
 * every trial, wanted or not.
 */
export function amdGraph(shape: ObjectiveShape, solver: Amd): OnnxGraph {
  const graph = new OnnxGraph();
  const layout = stateLayout(shape.decoder.latentSize, solver);
  const size = [shape.rows, layout.size];
  const parameters = parameterInputs(graph, shape.decoder);
  const data = dataInputs(graph, shape);
  const input = graph.input(STATE, size);
  const part = (begin: number, width: number) => graph.slice(input, begin, begin + width);
  const scalars = SCALARS.map((name, i) => [name, part(layout.scalars + i, 1)]);
  const named = Object.fromEntries(scalars) as Record<Scalar, Tensor>;
  let state: State = {
    z: part(0, layout.latentSize),
    gradient: part(layout.gradient, layout.latentSize),
    falls: part(layout.falls, layout.fallCount),
    ...named,
    rest: graph.apply("Sub", solver.t1, named.t),
  };
  let firstLoss: Tensor | undefined;
  const evaluate: Evaluate = (z) => {
    const evaluated = objective(graph, shape, parameters, data, z);
    firstLoss ??= evaluated.value;
    return evaluated;
  };
  for (let k = 0; k < TRIALS; k++) state = writeTrial(graph, evaluate, solver, state);
  const ends = SCALARS.map((name) => (name === "firstLoss" ? firstLoss! : state[name]));
  const parts = [state.z, state.gradient, state.falls, ...ends];
  graph.output(NEW_STATE, concatenate(graph, ...parts), size);
  return graph;
}

function writeTrial(graph: OnnxGraph, evaluate: Evaluate, solver: Amd, before: State): State {
  const apply = (operator: string, ...inputs: Operand[]) => graph.apply(operator, ...inputs);
  const all = (...conditions: Tensor[]) => conditions.reduce((a, b) => apply("And", a, b));
  const asNumber = (condition: Tensor) => graph.applyWith({ to: { integer: FLOAT } }, "Cast", condition);
  const { maxSteps, maxBacktracks } = countLimits(solver);

  const z = apply("Sub", before.z, apply("Mul", before.dt, before.gradient));
  const evaluated = evaluate(z);
  const { value } = evaluated;
  const gradient = evaluated.gradient();
  const norm = sumOfSquares(graph, gradient);

  // That a loss is at least 0 always holds; WGSL does not promise that comparisons with NaN are false.
  const decrease = () => apply("Mul", apply("Mul", before.dt, before.norm), solver.slope);
  const bound = solver.slope === 0 ? before.loss : apply("Sub", before.loss, decrease());
  const isTaken = all(
    apply("Greater", before.live, 0.5),
    apply("Less", value, bound),
    apply("GreaterOrEqual", value, 0),
  );
  const choose = (taken: Operand, rejected: Operand) => apply("Where", isTaken, taken, rejected);

  // The last step is as long as the time that is left; the sum may miss t1 by a rounding.
  const isLast = apply("LessOrEqual", before.rest, before.dt);
  const end = apply("Where", isLast, solver.t1, apply("Add", before.t, before.dt));
  const t = choose(end, before.t);
  const rest = apply("Sub", solver.t1, t);
  const grown = apply("Mul", solver.growFrom === "trial" ? before.step : before.dt, solver.increaseFactor);
  const nextStep = apply("Min", apply("Max", grown, solver.stepInit), solver.stepMax);
  const step = choose(nextStep, before.step);
  const falls = choose(shiftIn(graph, before.falls, solver, apply("Sub", before.loss, value)), before.falls);
  const rejected = apply("Sub", before.live, asNumber(isTaken));
  const after = {
    z: choose(z, before.z),
    gradient: choose(gradient, before.gradient),
    falls,
    loss: choose(value, before.loss),
    norm: choose(norm, before.norm),
    step,
    dt: choose(apply("Min", step, rest), apply("Mul", before.dt, solver.decreaseFactor)),
    t,
    rest,
    trial: choose(0, apply("Add", before.trial, rejected)),
    points: apply("Add", before.points, asNumber(isTaken)),
    rejections: apply("Add", before.rejections, rejected),
  };

  // A sample whose last trial was rejected holds to all of these but the first, as it did before.
  const isFlat = all(
    apply("Less", weightedSum(graph, falls, solver), 2 * solver.window * solver.tolerance),
    apply("Greater", after.points, solver.window + 0.5),
    apply("GreaterOrEqual", t, solver.settle * solver.t1),
  );
  const isLive = all(
    apply("LessOrEqual", after.trial, maxBacktracks),
    apply("Not", isFlat),
    apply("Greater", rest, 0),
    apply("Less", after.points, maxSteps + 0.5),
    apply("Greater", after.norm, 0),
    apply("Less", after.norm, LARGEST),
  );
  return { ...after, live: apply("Mul", before.live, asNumber(isLive)) };
}

/** TensorProto.DataType.FLOAT */
const FLOAT = 1;

function concatenate(graph: OnnxGraph, ...columns: Tensor[]): Tensor {
  return graph.applyWith({ axis: { integer: 1 } }, "Concat", ...columns);
}

/** [rows, 1] of [rows, any] */
function sumOfSquares(graph: OnnxGraph, values: Tensor): Tensor {
  const squares = graph.apply("Mul", values, values);
  return graph.applyWith({ keepdims: { integer: 1 } }, "ReduceSum", squares, graph.integers([1]));
}

/** The falls without the oldest one, and with a new one. */
function shiftIn(graph: OnnxGraph, falls: Tensor, { window }: Amd, fall: Tensor): Tensor {
  return window === 2 ? fall : concatenate(graph, graph.slice(falls, 1, window - 1), fall);
}

/** The falls times their shares, summed: [rows, 1]. */
function weightedSum(graph: OnnxGraph, falls: Tensor, { window }: Amd): Tensor {
  const shares = fallShares(window);
  return graph.apply("MatMul", falls, graph.matrix(shares, [shares.length, 1]));
}
