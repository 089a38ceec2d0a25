// Tests site/page/address.ts, and that the page has as many digits as it says.
import { fileURLToPath } from "node:url";
import { readDataset } from "latentflow/data";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  DIGITS,
  FIRST_SHARE,
  firstState,
  guestName,
  nextDigit,
  type PageState,
  readAddress,
  SOLVER_NAMES,
  writeAddress,
} from "../../site/page/address.ts";
import { SOLVERS } from "../../site/page/engine/solvers.ts";
import { BLANK, coverStroke, drawStroke, hideShare, shareOf } from "../../site/page/picture.ts";

const stroke = { from: { x: 3.2, y: 4 }, to: { x: 22, y: 20 }, radius: 1.1 };
const drawn: PageState = {
  ...firstState(),
  room: "flow",
  drawing: drawStroke(BLANK, stroke),
  hidden: coverStroke(hideShare(0.4, 9), stroke, true),
  noise: 0.13,
  seed: 12345,
  solver: "dormandPrince",
  rival: "rk4",
  priorWeight: 2.5,
  step: 7,
  code: Float32Array.from({ length: 20 }, (_, k) => Math.fround(0.3 * k - 2)),
  point: [Math.fround(-3.7), 1.25],
  rest: "picture",
  highlighted: 4,
  guest: undefined,
};

test("an address brings back the state that it was written of, bit for bit", () => {
  for (const state of [firstState(), { ...firstState(), digit: 39, seed: 0 }, drawn]) {
    assert.equal(readAddress(`#${writeAddress(state)}`), state);
  }
});

test("every next digit has an address, also after the last seed and the last digit", () => {
  const state = { ...drawn, digit: DIGITS - 1, seed: 2 ** 31 - 1 };
  nextDigit(state);
  assert.equal([state.digit, state.seed, state.drawing], [0, 0, undefined]);
  assert.equal([state.step, state.code], [undefined, undefined], "neither lies on the next path");
  assert.ok(
    Math.abs(shareOf(state.hidden) - FIRST_SHARE) < 1e-3,
    "a drawing's digit is hidden by the first share",
  );
  assert.equal(readAddress(writeAddress(state)), state);
  const share = shareOf(hideShare(0.25, 1));
  Object.assign(state, { hidden: hideShare(share, 1) });
  nextDigit(state);
  assert.is(shareOf(state.hidden), share);
  state.hidden = hideShare(1, 1);
  nextDigit(state);
  assert.ok(state.hidden.includes(0), "something to go by");
});

test("an address is short enough for every browser and most chats", () => {
  assert.ok(writeAddress(drawn).length < 1000);
  assert.match(writeAddress(drawn), /^[\w=&.-]+$/);
});

test("a link to a heading, another version, and every broken part are refused as a whole", () => {
  const whole = writeAddress(drawn);
  const refused = [
    "",
    "#install",
    "#v=2&digit=3",
    `#${whole}&colour=red`,
    `#${whole.replace("solver=dormandPrince", "solver=newton")}`,
    `#${whole.replace("noise=0.13", "noise=0.131")}`,
    `#${whole.replace("noise=0.13", "noise=1.5")}`,
    `#${whole.replace("seed=12345", "seed=1e3")}`,
    `#${whole.replace(/drawing=[^&]{10}/, "drawing=")}`,
    `#${whole.replace(/hidden=[^&]{4}/, "hidden=%%%%")}`,
    `#v=1&digit=${DIGITS}`,
    `#${whole.replace("step=7", "step=7.5")}`,
    `#${whole.replace(/point=[^&]{4}/, "point=")}`,
    `#${whole.replace(/code=[^&]{6}/, "code=AADAfw")}`,
    "#v=1&__proto__=1",
    "#v=1&digit=3&digit=2",
    "#v=1&v=1",
  ];
  for (const hash of refused) assert.is(readAddress(hash), undefined, hash);
  assert.equal(readAddress("#v=1"), firstState(), "what is missing has its first value");
});

test("a link of an earlier version of the page is read as it was", () => {
  const sent =
    "v=1&room=flow&digit=12&hidden=" +
    `${"_".repeat(65)}${"A".repeat(66)}&noise=0.13&seed=7&solver=amd&rival=rk4&priorWeight=2.5`;
  const hidden = Uint8Array.from({ length: 784 }, (_, i) => Number(i < 390));
  const fields = {
    room: "flow",
    digit: 12,
    hidden,
    noise: 0.13,
    seed: 7,
    solver: "amd",
    rival: "rk4",
  } as const;
  assert.equal(readAddress(`#${sent}`), { ...firstState(), ...fields, priorWeight: 2.5 });
});

test("an address has the name of a visitor's decoder, escaped, cut off, and without control characters", () => {
  const named = (guest: string) => ({ ...firstState(), guest });
  for (const guest of ["vae_decoder.onnx", "a&b=c #1 + 50%.onnx", "décodeur 数字.onnx", "<b>x</b>"]) {
    const address = writeAddress(named(guest));
    assert.match(address, /^[\w=&.*%+-]+$/);
    assert.is(readAddress(`#${address}`)?.guest, guest);
  }
  assert.is(guestName(`${"ä".repeat(70)}${"𝔡".repeat(20)}`), `${"ä".repeat(70)}${"𝔡".repeat(10)}`);
  assert.is(guestName("line\nbreak\u202e.onnx"), "linebreak.onnx");
  assert.is(readAddress(writeAddress(named("x".repeat(500))))?.guest, "x".repeat(80));
  assert.is(readAddress(`v=1&guest=${"x".repeat(81)}`), undefined);
  assert.is(readAddress("v=1&guest="), undefined);
  assert.is(readAddress("v=1&guest=a%0Ab"), undefined);
  assert.not.match(writeAddress(named("")), /guest/);
});

test("a code of another decoder has no place in an address", () => {
  assert.not.match(writeAddress({ ...drawn, code: new Float32Array(512) }), /code=/);
});

test("the solvers of an address are those of the engine; the digits are those of the file", async () => {
  assert.equal([...SOLVER_NAMES], Object.keys(SOLVERS));
  const file = fileURLToPath(new URL("../../site/public/page/digits.idx.gz", import.meta.url));
  assert.is((await readDataset(file)).count, DIGITS);
});

test.run();
