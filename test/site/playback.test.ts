// Tests site/page/playback.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextTick, ref } from "vue";
import { createPlayback } from "../../site/page/playback.ts";
import { until } from "../support/patience.ts";

globalThis.requestAnimationFrame = (show) => Number(setTimeout(() => show(performance.now()), 4));
globalThis.cancelAnimationFrame = (id) => clearTimeout(id);

test("a path is played to its end, and the next digit comes when it can be seen", async () => {
  let shown = 0;
  const playback = createPlayback({
    lastStep: () => 3,
    chosenStep: () => undefined,
    showNext: () => shown++,
  });
  const { step, isPlaying, isInView } = playback;
  playback.showPath();
  assert.is(step.value, 3, "its end at once, where nothing plays");
  isInView.value = false;
  playback.play();
  assert.is(step.value, 0);
  await until(() => step.value === 3);
  // Longer than the rest between two digits.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  assert.is(shown, 0, "none while the picture is out of sight");
  isInView.value = true;
  await until(() => shown === 1);
  assert.ok(isPlaying.value);
});

test("no digit follows a play that is ended while the picture rests", async () => {
  let isRequested = false;
  const { step, play, end } = createPlayback({
    lastStep: () => {
      isRequested = true;
      return 0;
    },
    chosenStep: () => undefined,
    showNext: () => assert.unreachable("another digit"),
  });
  play();
  await until(() => isRequested && step.value === 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  end();
  // Longer than the rest between two digits.
  await new Promise((resolve) => setTimeout(resolve, 2500));
});

test("a play that is ended shows the chosen point, else the end; no digit follows", async () => {
  const chosen = ref<number>();
  const { step, isPlaying, play, end, showPath } = createPlayback({
    lastStep: () => 5,
    chosenStep: () => chosen.value,
    showNext: () => assert.unreachable("another digit"),
  });
  play();
  end();
  assert.equal([step.value, isPlaying.value], [5, false]);
  chosen.value = 2;
  await nextTick();
  assert.is(step.value, 2);
  chosen.value = 9;
  showPath();
  assert.is(step.value, 5, "a path that is shorter ends before the chosen point");
});

test.run();
