/**
 * A picture file as numbers from 0 to 1, scaled to the decoder's size: channels × height × width, PyTorch's order.
 *
 * @param shape the decoder's: 1 or 3 channels (grey or red, green, blue), height, width
 */
export async function readPicture(file, [channels, height, width]) {
  const bitmap = await createImageBitmap(file, {
    resizeWidth: width,
    resizeHeight: height,
    resizeQuality: "high",
  });
  const context = canvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = width * height;
  return Float32Array.from({ length: channels * pixels }, (_, i) => {
    const at = 4 * (i % pixels);
    const level =
      channels === 3 ? data[at + Math.floor(i / pixels)] : (data[at] + data[at + 1] + data[at + 2]) / 3;
    return level / 255;
  });
}

/** A canvas that shows numbers in that order. */
export function drawPicture(values, [channels, height, width]) {
  const shown = canvas(width, height);
  const pixels = width * height;
  const image = new ImageData(width, height);
  for (let i = 0; i < pixels; i++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * i + channel] = 255 * values[i + (channels === 3 ? channel * pixels : 0)];
    }
    image.data[4 * i + 3] = 255;
  }
  shown.getContext("2d").putImageData(image, 0, 0);
  return shown;
}

function canvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
