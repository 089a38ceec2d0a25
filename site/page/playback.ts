import { ref, watch } from "vue";

// Plays paths step by step, and shows one digit after another.

/** Milliseconds per step of a path that is played. */
const STEP_TIME = 90;
/** Maximum milliseconds for playing a whole path. */
const PLAY_TIME = 2800;
/** Milliseconds between the end of a path and the next digit, while digits are shown automatically. */
const REST_TIME = 2200;

/** Values and functions that a playback needs. */
export interface Played {
  /** Returns the index of the last point of the current path. */
  lastStep(): number;
  /** Returns the index of the point chosen by the visitor; undefined for the last. */
  chosenStep(): number | undefined;
  /** Shows the next digit. */
  showNext(): void;
}

/** Plays paths; while nothing is played, the chosen point is shown. */
export function createPlayback({ lastStep, chosenStep, showNext }: Played) {
  /** Index of the point of the path that is shown. */
  const step = ref(0);
  /** True while digits are shown one after another automatically. */
  const isPlaying = ref(false);
  /** True while the picture is visible in the window. */
  const isInView = ref(true);
  /** True once it is time for the next digit, which is shown when the picture is visible. */
  const isNextDue = ref(false);
  let animation = 0;
  let rest: ReturnType<typeof setTimeout> | undefined;

  watch([isNextDue, isInView], () => {
    if (!isNextDue.value || !isInView.value) return;
    isNextDue.value = false;
    showNext();
  });

  function showChosen(): void {
    step.value = Math.min(chosenStep() ?? Number.POSITIVE_INFINITY, lastStep());
  }

  watch(chosenStep, () => {
    if (!isPlaying.value) showChosen();
  });

  /** Plays the path from its start to its end and then, after a pause, requests the next digit. */
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
    step,
    isPlaying,
    isInView,
    pause,
    /** Starts showing digits one after another. */
    play(): void {
      isPlaying.value = true;
      playPath();
    },
    /** Shows a new path: plays it while digits are shown automatically, otherwise shows its chosen point. */
    showPath(): void {
      if (isPlaying.value) playPath();
      else showChosen();
    },
    /** Stops the automatic play, and shows the chosen point of the path. */
    end(): void {
      if (!isPlaying.value) return;
      pause();
      showChosen();
    },
  };
}
