// Tests site/page/failures.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ref } from "vue";
import type { RoomName } from "../../site/page/address.ts";
import { createFailures } from "../../site/page/failures.ts";

test("a room's message is shown in that room alone, below those of the page", () => {
  const room = ref<RoomName>("codes");
  const { shown, add, clear, clearRooms } = createFailures(() => room.value);
  assert.is(shown.value, undefined);
  add("codes", new Error("no codes"));
  assert.is(shown.value, "no codes");
  room.value = "flow";
  assert.is(shown.value, undefined);
  add("encoders", "no encoders");
  clear("picture");
  clearRooms();
  assert.is(shown.value, "no encoders", "the success of one source is not that of another");
  clear("encoders");
  room.value = "codes";
  assert.is(shown.value, undefined);
});

test.run();
