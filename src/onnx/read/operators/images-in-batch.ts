import type { Site } from "../site.ts";
import { type Numbers, zerosLike } from "../tensor.ts";
import { BATCH, type Value } from "../value.ts";

// Images of one sample that the file merges into the batch axis. In the graph, their channels are concatenated.

/** Returns the stored axes that the file has merged into the batch axis: the images of one sample. */
export function imagesOf({ axes }: Value): number[] {
  return (axes[0] ?? []).filter((factor) => factor !== BATCH);
}

/** Kernel of a convolution, with bias and number of groups. */
interface GroupedKernel {
  readonly weight: Numbers;
  readonly bias: Numbers;
  readonly groups: number;
  /** Number of output channels. */
  readonly units: number;
}

/** Maximum number of weights in a kernel that is repeated for each image of a sample: 512 MB as float32. */
const MOST_REPEATED = 2 ** 27;

/**
 * Turns a convolution that applies to each image of a sample into a single convolution of all images, with the kernel and the
 * groups repeated for each image.
 */
export function forEachImage(
  node: Site,
  { weight, bias, groups, units }: GroupedKernel,
  images: number,
): GroupedKernel {
  if (weight.length * images > MOST_REPEATED) {
    return node.refuse(
      `it would repeat its kernel of ${weight.length} numbers for ${images} images that share the batch's axis, expected ` +
        `at most ${MOST_REPEATED} numbers; stack them in another axis`,
    );
  }
  return {
    weight: repeated(weight, images),
    bias: repeated(bias, images),
    groups: groups * images,
    units: units * images,
  };
}

/** Concatenates `times` copies of an array. */
export function repeated(values: Numbers, times: number): Numbers {
  if (times === 1) return values;
  const result = zerosLike(values, values.length * times);
  for (let i = 0; i < times; i++) result.set(values, i * values.length);
  return result;
}
