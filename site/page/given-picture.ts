import { computed, shallowRef } from "vue";
import type { PageState } from "./address.ts";
import { addNoise, BLANK, weightsOf } from "./picture.ts";

/** The picture that the state describes: a digit or a drawing, with its noise and its hidden pixels. */
export function createGivenPicture(state: PageState) {
  /** Digits of MNIST's test set, 784 levels each, and what they are. */
  const digits = shallowRef<readonly Float32Array[]>([]);
  const labels = shallowRef<readonly number[]>([]);
  /** The picture without noise and with all its pixels. */
  const levels = computed(() => state.drawing ?? digits.value[state.digit] ?? BLANK);
  const y = computed(() => addNoise(levels.value, state.noise, state.seed));
  const weights = computed(() => weightsOf(state.hidden));
  return { digits, labels, levels, y, weights };
}
