import { ref, watch } from "vue";

// Paths that are played step by step, and digits that follow each other.

/** Milliseconds between two steps of a path that is played, and at most of a whole path. */
const STEP_TIME = 90;
const PLAY_TIME = 2800;
/** Milliseconds that a completed picture stays before the next digit, while nobody has touched the page. */
const REST_TIME = 2200;

/**
 * @param lastStep index of the last point of the path that was found
 * @param showNext shows the next digit
 */
export function createPlayback(lastStep: () => number, showNext: () => void) {
  /** Index of the shown point of the path. */
  const step = ref(0);
  /** True while digits follow each other by themselves. */
  const isPlaying = ref(false);
  /** True while the picture is in the window. */
  const isInView = ref(true);
  /** True once the next digit is due; it comes when it can be seen. */
  const isNextDue = ref(false);
  let animation = 0;
  let rest: ReturnType<typeof setTimeout> | undefined;

  watch([isNextDue, isInView], () => {
    if (!isNextDue.value || !isInView.value) return;
    isNextDue.value = false;
    showNext();
  });

  /** Shows the path from its start to its end, and after a rest the next digit. */
  function playPath(): void {
    cancelAnimationFrame(animation);
    clearTimeout(rest);
    step.value = 0;
    const last = lastStep();
    const stepTime = Math.min(STEP_TIME, PLAY_TIME / last);
    const begin = performance.now();
    const show = (now: number) => {
      step.value = Math.min(last, Math.max(0, Math.floor((now - begin) / stepTime)));
      if (step.value < last) {
        animation = requestAnimationFrame(show);
      } else {
        rest = setTimeout(() => {
          isNextDue.value = true;
        }, REST_TIME);
      }
    };
    animation = requestAnimationFrame(show);
  }

  function pause(): void {
    isPlaying.value = false;
    isNextDue.value = false;
    cancelAnimationFrame(animation);
    clearTimeout(rest);
  }

  return {
    ...{ step, isPlaying, isInView, pause },
    /** Digits follow each other from now on. */
    play(): void {
      isPlaying.value = true;
      playPath();
    },
    /** Shows a path that has been found: from its start while digits follow each other, else its end. */
    showPath(): void {
      if (isPlaying.value) playPath();
      else step.value = lastStep();
    },
    /** Ends the play at the end of the path. */
    end(): void {
      if (!isPlaying.value) return;
      pause();
      step.value = lastStep();
    },
    /** Shows a point of the path. */
    scrub(to: number): void {
      pause();
      step.value = to;
    },
  };
}
