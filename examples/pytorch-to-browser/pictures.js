import { fromImageData, toImageData } from "latentflow/images";

/** Reads a picture file as a sample of a decoder, scaled to its size. */
export async function readPicture(file, decoder) {
  const bitmap = await createImageBitmap(file);
  const whole = canvas(bitmap.width, bitmap.height);
  whole.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return fromImageData(whole, decoder, { fit: "stretch" });
}

/** Returns a canvas that shows a sample of a decoder. */
export function drawPicture(values, decoder) {
  const image = toImageData(values, decoder);
  const shown = canvas(image.width, image.height);
  shown.getContext("2d").putImageData(image, 0, 0);
  return shown;
}

function canvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
