import {
  add,
  conv,
  convTranspose,
  dense,
  graph,
  mul,
  relu,
  reshape,
  sequential,
  sine,
  tanh,
  type Value,
} from "../../../src/graph/index.ts";
import type { GraphDefinition } from "../../../src/index.ts";
import { residual } from "./blocks.ts";

/** x + sin²(αx)/α; α is 1 before training (Ziyin et al. 2020). */
function snake(x: Value): Value {
  return add()(x, mul()(sine()(x), sine()(x)));
}

const upsampled = (channels: number, stride: number) =>
  convTranspose({ channels, kernel: 2 * stride, stride, padding: stride / 2 });

/** Kumar et al. 2023, the decoder of the Descript Audio Codec, from continuous frames. */
export function audioCodec(): GraphDefinition {
  const residualUnit = (x: Value, channels: number, dilation: number) =>
    residual(x, (h) => {
      const wide = conv({ channels, kernel: 7, dilation, padding: 3 * dilation })(snake(h));
      return conv({ channels, kernel: 1 })(snake(wide));
    });
  return graph(({ latent }) => {
    let h = conv({ channels: 16, kernel: 7, padding: 3 })(reshape([6, 8])(latent(48)));
    for (const [channels, stride] of [
      [8, 4],
      [4, 2],
    ] as const) {
      h = upsampled(channels, stride)(snake(h));
      for (const dilation of [1, 3, 9]) h = residualUnit(h, channels, dilation);
    }
    return tanh()(conv({ channels: 1, kernel: 7, padding: 3 })(snake(h)));
  });
}

/** Donahue et al. 2019. */
export function waveGan(): GraphDefinition {
  return sequential(24, [
    ...[dense(4 * 16), reshape([4, 16]), relu()],
    ...[upsampled(8, 4), relu(), upsampled(4, 4), relu(), upsampled(1, 4), tanh()],
  ]);
}
