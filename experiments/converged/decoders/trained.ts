import { loadDecoder } from "../../../src/index.ts";
import { mnist } from "../../../src/train/index.ts";
import { type Case, SAMPLES } from "../case.ts";
import type { Start } from "../starts.ts";

const demo = "../../../demo";
const experiments = "../../decoders";
/** The first test digit taken. */
const FIRST = 200;

const FILES: readonly (readonly [name: string, path: string, starts: readonly Start[], samples: number])[] = [
  ["demo", `${demo}/decoder.safetensors`, ["0"], 300],
  ["demo, from elsewhere", `${demo}/decoder.safetensors`, ["1e-3N", "N", "10N"], SAMPLES],
  ["demo's convolutions", `${demo}/convolutional.safetensors`, ["0", "N"], SAMPLES],
  ["digits, cross entropy", `${experiments}/mnist-bce-elu-20-implicitamd.safetensors`, ["0", "N"], SAMPLES],
  [
    "digits, squared error",
    `${experiments}/mnist-mse-elu-20-implicitamd.safetensors`,
    ["0", "N", "10N"],
    SAMPLES,
  ],
  [
    "clothes, cross entropy",
    `${experiments}/fashion-mnist-bce-elu-20-implicitamd.safetensors`,
    ["0", "N"],
    SAMPLES,
  ],
  [
    "clothes, squared error",
    `${experiments}/fashion-mnist-mse-elu-20-implicitamd.safetensors`,
    ["0", "N"],
    SAMPLES,
  ],
  ["VAE", `${experiments}/variational-autoencoder-mnist.safetensors`, ["0", "N"], SAMPLES],
];

/** Decoders of this repository that training has made, and MNIST's test digits, also where they were trained on clothes. */
export const TRAINED_CASES: readonly Case[] = FILES.map(([name, path, starts, sampleCount]) => ({
  name,
  family: "trained",
  starts,
  async make() {
    const [decoder, { test }] = await Promise.all([loadDecoder(new URL(path, import.meta.url)), mnist()]);
    return { decoder, y: test.slice(FIRST, FIRST + sampleCount).toFloat32(), sampleCount, options: {} };
  },
}));
