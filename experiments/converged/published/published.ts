import { type Case, type RandomCase, randomCase } from "../case.ts";
import { normals, type Start } from "../starts.ts";
import { faninWeights } from "../weights.ts";
import { audioCodec, waveGan } from "./audio.ts";
import { deepSdf, occupancyNetwork, piGan, piGanWeights, siren, sirenWeights } from "./fields.ts";
import { flowWeights, glow, realNvp } from "./flows.ts";
import {
  betaVae,
  bigGan,
  dcgan,
  fastGan,
  nvae,
  srResNet,
  stableDiffusion,
  tinyAutoencoder,
  vqVae,
} from "./images.ts";
import { progressiveGan, styleGan, styleGan2, styleWeights } from "./style.ts";
import { maeDecoder, mlpMixer, tokenWeights } from "./tokens.ts";

const SAMPLES = 16;
const starts: readonly Start[] = ["0", "N"];
const common = { starts, samples: SAMPLES } satisfies RandomCase;
/** Codes of these are normalised, so that starts far out are as near as others. */
const onSphere = { starts: ["0", "N", "10N"], samples: SAMPLES } satisfies RandomCase;
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => i % 10);
const POINTS = 48;
const atPoints = {
  ...common,
  options: { points: POINTS, fixed: { xyz: normals(3 * POINTS, 47, 0.5) } },
} satisfies RandomCase;
const he = faninWeights(Math.SQRT2);

/** Published decoders, small, with random weights: PyTorch's where no others are published. */
export const PUBLISHED_CASES: readonly Case[] = [
  randomCase("published", "Progressive GAN", progressiveGan, { ...onSphere, redraw: styleWeights }),
  randomCase("published", "StyleGAN", styleGan, { ...onSphere, redraw: styleWeights }),
  randomCase("published", "StyleGAN2", styleGan2, { ...onSphere, redraw: styleWeights }),
  randomCase("published", "DCGAN", dcgan, { ...common, redraw: he }),
  randomCase("published", "BigGAN", bigGan, {
    ...common,
    redraw: faninWeights(1),
    options: { fixed: { label: labels } },
  }),
  randomCase("published", "FastGAN", fastGan, { ...common, redraw: faninWeights(1) }),
  randomCase("published", "β-VAE", betaVae, { ...common, loss: "bce" }),
  randomCase("published", "Stable Diffusion's autoencoder", stableDiffusion, common),
  randomCase("published", "TAESD", tinyAutoencoder, common),
  randomCase("published", "VQ-VAE", vqVae, common),
  randomCase("published", "NVAE", nvae, { ...common, redraw: he }),
  randomCase("published", "SRResNet", srResNet, common),
  randomCase("published", "RealNVP", realNvp, common),
  randomCase("published", "Glow", glow, { ...common, redraw: flowWeights }),
  randomCase("published", "Descript Audio Codec", audioCodec, common),
  randomCase("published", "WaveGAN", waveGan, { ...common, redraw: he }),
  randomCase("published", "DeepSDF", deepSdf, atPoints),
  randomCase("published", "Occupancy Network", occupancyNetwork, { ...atPoints, loss: "bce" }),
  randomCase("published", "SIREN", siren, { ...atPoints, redraw: sirenWeights }),
  randomCase("published", "π-GAN", piGan, { ...atPoints, redraw: piGanWeights }),
  randomCase("published", "MAE decoder", maeDecoder, { ...common, redraw: tokenWeights }),
  randomCase("published", "MLP-Mixer", mlpMixer, { ...common, redraw: tokenWeights }),
];
