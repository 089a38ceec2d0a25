import { decode, encode } from "latentflow";

/** Replaces a canvas's picture by the decoder's reconstruction, in grey; the canvas has the decoder's size. */
export async function reconstruct(canvas, decoder) {
  const context = canvas.getContext("2d");
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const y = Float32Array.from({ length: decoder.outputSize }, (_, i) => image.data[4 * i] / 255);
  const { z } = await encode(decoder, y);
  const x = await decode(decoder, z);
  x.forEach((value, i) => {
    image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}
