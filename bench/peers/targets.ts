import { LBFGS_NAME } from "./encode.ts";
import { RELAXED } from "./gradient.ts";
import type { Results } from "./report.ts";

/** How many times as long as ours a peer's work is meant to take at least. */
interface Target {
  readonly what: string;
  readonly least: number;
  readonly measured: number;
  /** What it would be if ours ran at the register peak, all of it. */
  readonly atPeak?: number;
}

const GRADIENT_TARGETS: readonly (readonly [peer: string, rows: number, least: number])[] = [
  ["onnxruntime-web", 1, 1],
  ["onnxruntime-web", 5, 1.6],
  ["onnxruntime-web", 32, 2],
  ["onnxruntime-web", 128, 2],
  ["tfjs, tf.grad", 32, 12],
  ["tfjs, by hand", 32, 12],
  ["jax-js", 32, 24],
];

const ENCODE_TARGETS: readonly (readonly [peer: string, least: number])[] = [
  ["tfjs, tf.grad", 20],
  ["tfjs, by hand", 20],
  ["jax-js", 20],
  ["PyTorch", 4],
];

/** The targets for one thread, as far as their peers were there. */
export function checkTargets({ gradient, encode }: Pick<Results, "gradient" | "encode">): Target[] {
  const targets: Target[] = [];
  for (const [peer, rows, least] of GRADIENT_TARGETS) {
    const figure = gradient.find(({ name, rows: r }) => name === peer && r === rows);
    if (figure) {
      const what = `z-gradient at ${rows}: ${peer} ÷ ${RELAXED}`;
      targets.push({ what, least, measured: figure.ratio, atPeak: 1 / figure.shareOfPeak });
    }
  }
  for (const [peer, least] of ENCODE_TARGETS) {
    const figure = encode.figures.find(({ name }) => name === peer);
    if (figure) {
      targets.push({ what: `encoding: ${peer} ÷ ${LBFGS_NAME}`, least, measured: figure.toLbfgs });
    }
  }
  return targets;
}
