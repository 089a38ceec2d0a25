import { mean } from "../../bench/timing.ts";
import { type Backend, decode, encode, lbfgs, type Prior } from "../../src/index.ts";
import { filled, type Given } from "./given.ts";
import type { Network } from "./networks.ts";
import { type LinearDecoder, linearCodes, linearImages } from "./principal-components.ts";

/** Codes, and what they cost. */
export interface Codes {
  /** B × codeSize. */
  readonly z: Float32Array;
  /** Of a flow: the mean number of gradients of a sample, Gauss-Newton matrices aside. */
  readonly gradients?: number;
  /** Of a flow: the share of samples that have converged. */
  readonly converged?: number;
}

/** A way to find a digit's code, and what the code says the digit is. */
export interface Method {
  readonly name: string;
  readonly codeSize: number;
  codes(given: Given): Promise<Codes>;
  /** B × size */
  images(z: Float32Array): Promise<Float32Array>;
}

/** What the pixels themselves are good for: missing ones are those of the mean digit. */
export function pixelMethod(mean: ArrayLike<number>): Method {
  return {
    name: "the pixels themselves, the mean digit's where missing",
    codeSize: mean.length,
    codes: async (given) => ({ z: filled(given, mean) }),
    images: async (z) => z,
  };
}

/** The first principal components, with a Gaussian prior as probabilistic PCA has it, or by least squares. */
export function linearMethod(linear: LinearDecoder, hasPrior: boolean): Method {
  const { variances, residual } = linear;
  const components = variances.length;
  return {
    name: `PCA, ${components} components${hasPrior ? ", its Gaussian prior" : ", least squares"}`,
    codeSize: components,
    async codes({ y, deviation }) {
      const ridge = variances.map((variance) =>
        hasPrior ? (residual + deviation ** 2) / variance : LEAST_RIDGE,
      );
      return { z: linearCodes(linear, y, ridge) };
    },
    images: async (z) => linearImages(linear, z),
  };
}

/** So that pixels which are 0 in every digit do not leave a code undefined: 1e-6 of what a seen component adds at most. */
const LEAST_RIDGE = 1e-6;

/** The network's own encoder. */
export function encoderMethod(
  { decoder, encode: guess }: Network,
  fill: ArrayLike<number>,
  fillName: string,
  backend: Backend,
): Method {
  return {
    name: `encoder, missing pixels ${fillName}`,
    codeSize: decoder.latentSize,
    codes: async (given) => ({ z: (await guess(filled(given, fill))).means }),
    images: (z) => decode(decoder, z, { backend }),
  };
}

/** A prior under the name that a table has for it. */
export interface NamedPrior {
  readonly name: string;
  readonly prior: Prior | undefined;
}

/**
 * The decoder alone, by lbfgs: from 0, or, where there is a `fill` for missing pixels, from what the encoder finds. Cross
 * entropy where pixels are intact; where they have noise, the squared error with weights 1/(2σ²), so that loss and prior
 * are both in nats.
 */
export function flowMethod(
  { decoder, encode: guess }: Network,
  { name, prior }: NamedPrior,
  fill: ArrayLike<number> | undefined,
  backend: Backend,
): Method {
  return {
    name: `flow${fill ? " from the encoder's code" : ""}, ${name}`,
    codeSize: decoder.latentSize,
    async codes(given) {
      const { y, deviation } = given;
      const weights = y.map((value) =>
        Number.isNaN(value) ? 0 : deviation > 0 ? 1 / (2 * deviation ** 2) : 1,
      );
      const { z, stats, status } = await encode(decoder, y, {
        loss: deviation > 0 ? "mse" : "bce",
        solver: lbfgs(),
        weights,
        backend,
        ...(prior && { prior }),
        ...(fill && { z0: (await guess(filled(given, fill))).means }),
      });
      return {
        z,
        gradients: mean(stats.gradientEvaluations),
        converged: status.filter((each) => each === "converged").length / status.length,
      };
    },
    images: (z) => decode(decoder, z, { backend }),
  };
}
