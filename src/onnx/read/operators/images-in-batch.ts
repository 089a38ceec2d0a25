import type { Site } from "../site.ts";
import { type Numbers, zerosLike } from "../tensor.ts";
import { BATCH, type Value } from "../value.ts";

// Images of one sample that the file has beside each other in the batch. In the graph their channels are beside each other.

/** Returns the stored axes that the file has merged with the batch. */
export function imagesOf({ axes }: Value): number[] {
  return (axes[0] ?? []).filter((factor) => factor !== BATCH);
}

/** Kernel of a convolution with its bias and groups. */
interface GroupedKernel {
  readonly weight: Numbers;
  readonly bias: Numbers;
  readonly groups: number;
  /** Number of output channels. */
  readonly units: number;
}

/** Most numbers of a kernel once it is repeated for each image of a sample: 512 MB as float32. */
const MOST_REPEATED = 2 ** 27;

/**
 * Turns a convolution of each image of a sample into one convolution of all: with as many times more groups, and the kernel
 * repeated.
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

/** Concatenates copies of numbers. */
export function repeated(values: Numbers, times: number): Numbers {
  if (times === 1) return values;
  const result = zerosLike(values, values.length * times);
  for (let i = 0; i < times; i++) result.set(values, i * values.length);
  return result;
}
