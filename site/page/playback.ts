import { ref, watch } from "vue";

// Paths that are played step by step, and digits that follow each other.

/** Milliseconds between two steps of a path that is played, and at most of a whole path. */
const STEP_TIME = 90;
const PLAY_TIME = 2800;
/** Milliseconds that a completed picture stays before the next digit, while nobody has touched the page. */
const REST_TIME = 2200;

/** Surroundings of a playback. */
export interface Played {
  /** Index of the last point of the path that was found. */
  lastStep(): number;
  /** Index of the point that the visitor has chosen; undefined for the last. */
  chosenStep(): number | undefined;
  /** Shows the next digit. */
  showNext(): void;
}

/** Plays paths; while nothing plays, the chosen point is shown. */
export function createPlayback({ lastStep, chosenStep, showNext }: Played) {
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

  function showChosen(): void {
    step.value = Math.min(chosenStep() ?? Number.POSITIVE_INFINITY, lastStep());
  }

  watch(chosenStep, () => {
    if (!isPlaying.value) showChosen();
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
    /** Shows a path that has been found: from its start while digits follow each other, else its chosen point. */
    showPath(): void {
      if (isPlaying.value) playPath();
      else showChosen();
    },
    /** Ends the play at the chosen point of the path. */
    end(): void {
      if (!isPlaying.value) return;
      pause();
      showChosen();
    },
  };
}
