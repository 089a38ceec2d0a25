import {
  activation,
  add,
  affine,
  averagePool,
  concat,
  constant,
  conv,
  convTranspose,
  dense,
  depthToSpace,
  expand,
  type GraphDefinition,
  graph,
  groupNorm,
  layerNorm,
  matmul,
  maximum,
  mean,
  minimum,
  mul,
  pad,
  permute,
  pointwise,
  reshape,
  resize,
  rmsNorm,
  sigmoid,
  slice,
  softmax,
  sub,
  sum,
  tanh,
  upsample,
  where,
} from "../../src/graph/index.ts";
import { Dice, type Draw, OPERATION_KINDS, size } from "./operation-kinds.ts";

/** A graph with values that several read, and settings of all sorts; at its end these kinds, as they are drawn. */
const withKinds = (kinds: readonly Draw[]) =>
  graph(({ latent }) => {
    const z = latent(4);
    const seed = tanh()(dense(2 * 3 * 8)(z));
    const pixels = affine()(pointwise("mish")(reshape([2, 3, 8])(seed)));
    const shuffled = depthToSpace({ block: 2, order: "DCR" })(pixels);
    const learnt = expand([4, 6, 2])(constant([4, 1, 2])());
    const mixed = add()(
      mul()(shuffled, learnt),
      slice({ axis: -1, start: 2, step: -2 })(
        convTranspose({ channels: 3, kernel: 4, stride: 2, padding: 1 })(pixels),
      ),
    );
    const normal = activation("silu")(groupNorm({ groups: 2 })(mixed));
    const large = conv({ channels: 3, kernel: 3 })(pad({ padding: 1, mode: "reflect" })(normal));
    const pooled = averagePool({ kernel: 2, countPadding: false, padding: [1, 0, 1, 0] })(large);
    const up = resize({ size: [4, 3], mode: "cubic" })(upsample({ scale: [2, 1], mode: "bilinear" })(pooled));
    const tokens = layerNorm({ axes: 2 })(reshape([6, 3])(slice({ axis: 0, start: 0, end: 2 })(up)));
    const scores = softmax()(matmul({ transposed: true })(dense(2)(tokens), dense(2)(tokens)));
    const bounded = minimum()(maximum()(tokens, dense(3)(tokens)), dense(3)(tokens));
    // By constants far from 0: where a choice jumps solvers come to rest, and differences say nothing.
    const far = (shift: number, width: number) =>
      pointwise({ name: "linear", scale: 1, shift })(constant([6, width])());
    const chosen = where()(concat()(far(2, 1), far(-2, 2)), bounded, dense(3)(tokens));
    const attended = sub()(chosen, rmsNorm()(matmul()(scores, dense(3)(tokens))));
    const shaped = [
      { value: tokens, shape: [6, 3] },
      { value: up, shape: [4, 3, 3] },
    ];
    const drawn = kinds.flatMap((draw) => {
      const made = shaped.map((x) => draw(new Dice(1), x, shaped)).find((each) => each !== undefined);
      return made ? [reshape([size(made.shape)])(made.value)] : [];
    });
    const beside = concat()(
      permute([1, 0])(attended),
      mean({ axes: [0] })(tokens),
      z,
      sum({ axes: [0, 1] })(up),
      ...drawn,
    );
    return sigmoid()(dense(5)(activation({ name: "leakyRelu", slope: 0.2 })(dense(7)(beside))));
  });

const kindsOf = ({ operations }: GraphDefinition) => new Set<string>(operations.map(({ kind }) => kind));

/** A decoder with every kind of operation but embedding, values that several read, and settings of all sorts. */
export const allKinds = withKinds(
  Object.entries(OPERATION_KINDS).flatMap(([kind, { draw }]) =>
    draw && !kindsOf(withKinds([])).has(kind) ? [draw] : [],
  ),
);
