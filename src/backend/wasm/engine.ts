import type { Control } from "../../solver/base.ts";
import type { Engine, Problem } from "../backend.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { type Decoding, decodeRows } from "./decode.ts";
import { solveFused } from "./fused.ts";
import { computeJacobianRows, type OnJacobianRows } from "./jacobian-rows.ts";
import { wasmObjective } from "./objective.ts";
import { residentRows } from "./pacer.ts";
import type { PackedDecoder } from "./packed.ts";

/** What one thread does with a decoder that is packed in its instance of the kernels. */
export interface WasmEngine extends Engine {
  /** How many rows it works on at once at most. */
  readonly rows: number;
  fused: NonNullable<Engine["fused"]>;
  /** See `decodeRows`. */
  decode(
    decoding: Decoding,
    control: Control,
    feed: Feed,
    onRows?: (range: SampleRange) => void,
  ): Promise<void>;
  /** See `computeJacobianRows`. */
  jacobianRows(feed: Feed, control: Control, onRows: OnJacobianRows): Promise<void>;
}

const engines = new WeakMap<PackedDecoder, WasmEngine>();

/** The engine of a packed decoder: all calls share it. */
export function wasmEngine(packed: PackedDecoder): WasmEngine {
  const engine = engines.get(packed) ?? makeEngine(packed);
  engines.set(packed, engine);
  return engine;
}

function makeEngine(packed: PackedDecoder): WasmEngine {
  const rows = residentRows(packed.decoder);
  const objectiveSize = (problem: Problem) => Math.min(problem.sampleCount, problem.batchSize ?? rows, rows);
  return {
    rows,
    objectiveSize,
    objective: (problem, first, count) => wasmObjective(packed, problem, first, count),
    fused: (problem, solver, control, feed) =>
      solveFused(packed, problem, solver, objectiveSize(problem), control, feed),
    decode: (decoding, control, feed, onRows) => decodeRows(packed, decoding, rows, feed, control, onRows),
    jacobianRows: (feed, control, onRows) => computeJacobianRows(packed, feed, control, onRows),
  };
}
