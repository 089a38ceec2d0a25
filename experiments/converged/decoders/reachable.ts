import { elu, gelu, leakyRelu, sigmoid, silu, tanh } from "../../../src/graph/index.ts";
import { type Case, type RandomCase, randomCase } from "../case.ts";
import { realNvp } from "../published/flows.ts";
import { betaVae, dcgan, vqVae } from "../published/images.ts";
import { denseWeights, faninWeights } from "../weights.ts";
import { mlp } from "./mlp.ts";

const exact = { starts: ["0"], isReachable: true } satisfies RandomCase;

/** Decoders whose samples are decodes, y = D(z*): the first thing that one tries. */
export const REACHABLE_CASES: readonly Case[] = [
  randomCase("reachable", "one linear layer", () => mlp([12, 60], elu), exact),
  randomCase("reachable", "tanh, 8 latents", () => mlp([8, 64, 64, 100], tanh), exact),
  randomCase("reachable", "SiLU, sigmoid", () => mlp([20, 64, 128, 196], silu, [sigmoid()]), exact),
  randomCase("reachable", "leaky ReLU, He", () => mlp([8, 64, 64, 100], () => leakyRelu({ slope: 0.2 })), {
    ...exact,
    redraw: denseWeights({ gain: Math.SQRT2, bias: 0.1 }),
  }),
  randomCase("reachable", "GELU, 128 latents", () => mlp([128, 128, 128, 256], gelu), exact),
  randomCase("reachable", "DCGAN", dcgan, {
    ...exact,
    starts: ["N"],
    samples: 16,
    redraw: faninWeights(Math.SQRT2),
  }),
  randomCase("reachable", "VQ-VAE", vqVae, { ...exact, samples: 16 }),
  randomCase("reachable", "RealNVP", realNvp, { ...exact, samples: 16 }),
  randomCase("reachable", "β-VAE, cross entropy", betaVae, { ...exact, samples: 16, loss: "bce" }),
];
