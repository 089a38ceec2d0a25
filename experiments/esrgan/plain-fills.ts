import type { Picture } from "./picture.ts";

// What one could fill gaps with without a network: values of pixels that are known, around each that is not.

/** Means of the known pixels of each block: a small picture. */
export function averageBlocks({ height, width, values }: Picture, known: Uint8Array, block: number): Picture {
  const small = { height: height / block, width: width / block };
  const sums = new Float64Array(small.height * small.width * 3);
  const counts = new Uint32Array(small.height * small.width);
  known.forEach((isKnown, pixel) => {
    if (!isKnown) return;
    const row = Math.floor(Math.floor(pixel / width) / block);
    const at = row * small.width + Math.floor((pixel % width) / block);
    counts[at]!++;
    for (let channel = 0; channel < 3; channel++) sums[at * 3 + channel]! += values[pixel * 3 + channel]!;
  });
  const means = { ...small, values: Float32Array.from(sums, (sum, i) => sum / counts[Math.floor(i / 3)]!) };
  // A block without one takes those around it.
  return fillByMeans(means, counts);
}

/**
 * Each pixel that is not known is the mean of the known ones in the smallest square around it, 3 × 3 or larger.
 *
 * @param known 0 for those that are not
 */
export function fillByMeans(picture: Picture, known: ArrayLike<number>): Picture {
  const { height, width, values } = picture;
  const filled = values.slice();
  for (let pixel = 0; pixel < known.length; pixel++) {
    if (known[pixel]) continue;
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const sums = [0, 0, 0];
    for (let reach = 1, count = 0; count === 0 && reach < Math.max(height, width); reach++) {
      for (let y = Math.max(row - reach, 0); y <= Math.min(row + reach, height - 1); y++) {
        for (let x = Math.max(column - reach, 0); x <= Math.min(column + reach, width - 1); x++) {
          const other = y * width + x;
          if (!known[other]) continue;
          count++;
          for (let channel = 0; channel < 3; channel++) sums[channel]! += values[other * 3 + channel]!;
        }
      }
      const means = sums.map((sum) => sum / count);
      if (count > 0) filled.set(means, pixel * 3);
    }
  }
  return { height, width, values: filled };
}

/**
 * Each pixel that is not known is the mean of its four neighbours, those that are not known either among them: a
 * membrane over the known ones, the discrete Laplace equation, by successive over-relaxation.
 */
export function fillByMembrane(picture: Picture, known: Uint8Array): Picture {
  const { height, width } = picture;
  const { values } = fillByMeans(picture, known);
  const missing = Array.from(known.keys()).filter((pixel) => !known[pixel]);
  const neighbours = missing.map((pixel) => {
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    return [
      ...(row > 0 ? [pixel - width] : []),
      ...(row < height - 1 ? [pixel + width] : []),
      ...(column > 0 ? [pixel - 1] : []),
      ...(column < width - 1 ? [pixel + 1] : []),
    ];
  });
  // Gaps of half the pixels are small: after a few dozen sweeps nothing changes by a level of 8 bits.
  for (let sweep = 0; sweep < 200; sweep++) {
    missing.forEach((pixel, i) => {
      for (let channel = 0; channel < 3; channel++) {
        const own = pixel * 3 + channel;
        const sum = neighbours[i]!.reduce((total, other) => total + values[other * 3 + channel]!, 0);
        values[own]! += 1.5 * (sum / neighbours[i]!.length - values[own]!);
      }
    });
  }
  return { height, width, values };
}
