import { computed, shallowRef } from "vue";
import type { PageState } from "./address.ts";
import { addNoise, BLANK, weightsOf } from "./picture.ts";

/** Computes the given picture from the page's state: a digit or a drawing, with noise and hidden pixels. */
export function createGivenPicture(state: PageState) {
  /** Digits of MNIST's test set, 784 levels from 0 to 1 each. */
  const digits = shallowRef<readonly Float32Array[]>([]);
  /** Class of each digit in `digits`, 0 to 9. */
  const labels = shallowRef<readonly number[]>([]);
  /** The picture without noise and with all pixels. */
  const levels = computed(() => state.drawing ?? digits.value[state.digit] ?? BLANK);
  const y = computed(() => addNoise(levels.value, state.noise, state.seed));
  const weights = computed(() => weightsOf(state.hidden));
  return { digits, labels, levels, y, weights };
}
