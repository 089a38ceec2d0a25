import type { Operation } from "../../src/graph/operations.ts";
import { createDecoder, type Decoder } from "../../src/index.ts";
import { type Converted, convert } from "./convert.ts";
import { install, modelPackage } from "./install.ts";
import { readLayersModel } from "./layers-model.ts";

/** How many times as high and wide the models of the package make a picture. */
export const SCALES = [2, 3, 4, 8] as const;
export type Scale = (typeof SCALES)[number];

/** Pixels of these models go from 0 to 255. */
export const RANGE = 255;

/** Where a model's file lies. */
export function modelFile(scale: Scale): string {
  return `${modelPackage}models/x${scale}/model.json`;
}

/**
 * ESRGAN, slim, of npm's `@upscalerjs/esrgan-slim`, as a decoder: its latent is a picture [height, width, 3], its output
 * one of `scale` times the height and the width. Pixels of both go from 0 to 1, red, green and blue beside each other.
 */
export function esrganDecoder(scale: Scale, height: number, width: number): Decoder {
  install();
  return decoderOf(convert(readLayersModel(modelFile(scale)), height, width, RANGE));
}

/** The decoder of a converted model, with its weights. */
export function decoderOf({ definition, tensors }: Converted): Decoder {
  const decoder = createDecoder(definition, { loss: "mse" });
  for (const operation of decoder.operations) {
    const own = tensors.get(operation.name);
    if (!own) continue;
    const { weight, bias } = operation as Operation<"conv" | "affine">;
    weight.set(own.weight);
    bias.set(own.bias);
  }
  return decoder;
}
