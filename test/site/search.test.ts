// Tests site/page/search.ts with site/page/landscape.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { computed, reactive, ref, shallowRef } from "vue";
import { firstState, type PageState } from "../../site/page/address.ts";
import type { CallOptions } from "../../site/page/engine/client.ts";
import type {
  ArgumentsOf,
  CallName,
  Encoded,
  NetworkDescription,
  ReplyOf,
} from "../../site/page/engine/messages.ts";
import { createFailures } from "../../site/page/failures.ts";
import { weightsOf } from "../../site/page/picture.ts";
import { createSearch } from "../../site/page/search.ts";

/** A call that the search has made, to be answered by the test. */
interface Call<Name extends CallName = CallName> {
  readonly name: Name;
  readonly given: ArgumentsOf<Name>;
  readonly signal: AbortSignal | undefined;
  answer(reply: ReplyOf<Name>): void;
}

const description = (name: string) => ({ unverifiedReason: name }) as NetworkDescription;

/** A search of four pixels with codes of two numbers, on a worker that answers when the test says so. */
function makeSearch() {
  const calls: Call[] = [];
  const state = reactive<PageState>({ ...firstState(), hidden: new Uint8Array(4) });
  const networks = {
    description: shallowRef<NetworkDescription | undefined>(description("own")),
    guest: ref<string>(),
    engine: () => ({
      call: (name: CallName, given: Call["given"], { signal }: CallOptions<unknown> = {}) =>
        new Promise((resolve) => calls.push({ name, given, signal, answer: resolve })),
    }),
    prepareEncoders: async () => {},
  };
  const isPenDown = ref(false);
  let paths = 0;
  const failures = createFailures(() => state.room);
  const search = createSearch({
    state,
    failures,
    isPenDown,
    given: {
      y: computed(() => new Float32Array(4)),
      weights: computed(() => weightsOf(state.hidden)),
    },
    networks,
    showPath: () => paths++,
  } as unknown as Parameters<typeof createSearch>[0]);
  /** The last call of a name. */
  const last = <Name extends CallName>(name: Name) =>
    calls.filter((call) => call.name === name).at(-1) as Call<Name> | undefined;
  /** Answers the guesses of both encoders. */
  const guess = async () => {
    for (const { answer } of calls.splice(0).filter(({ name }) => name === "encoderGuess"))
      answer({ z: Float32Array.of(0, 9), x: new Float32Array(4) } as never);
    await settled();
  };
  /** Searches once, and has all of it answered: a code at (4, 0), the guesses, a landscape. */
  const searchOnce = async () => {
    void search.solve();
    await settled();
    last("encode")!.answer(foundAt(4));
    await guess();
    last("contours")!.answer(new Float32Array(1));
    await settled();
  };
  return {
    search,
    state,
    networks,
    isPenDown,
    failures,
    calls,
    last,
    guess,
    searchOnce,
    paths: () => paths,
  };
}

/** Lets promises settle. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A code that was found at (x, 0), from (0, 0). */
const foundAt = (x: number, hasPath = true) =>
  ({
    z: Float32Array.of(x, 0),
    trajectory: hasPath
      ? {
          t: Float64Array.of(0, 1),
          loss: Float32Array.of(2, 1),
          x: new Float32Array(8),
          z: Float32Array.of(0, 0, x, 0),
        }
      : undefined,
  }) as Encoded;

const HIDES_ALL = new Uint8Array(4).fill(1);

test("a settled picture has its path, and the objective around it and the encoder's guess", async () => {
  const { search, state, last, guess, paths } = makeSearch();
  state.priorWeight = 3;
  void search.solve();
  await settled();
  const encode = last("encode")!;
  assert.is(encode.given.saveAt, "steps");
  assert.is(encode.signal, undefined, "followed to the end");
  assert.equal(encode.given.weights, Float32Array.of(1, 1, 1, 1));
  assert.is(encode.given.priorWeight, 3);
  encode.answer(foundAt(4));
  await guess();
  assert.is(paths(), 1);
  assert.is(search.lastStep.value, 1);
  const { given, answer } = last("contours")!;
  assert.equal([...given.grid.origin, ...given.grid.u, ...given.grid.v.map(Math.abs)], [4, 0, 1, 0, 0, 1]);
  assert.is(given.priorWeight, 3);
  assert.ok(Math.max(...given.grid.b) > 9 || Math.min(...given.grid.b) < -9, "the guess lies within");
  const values = new Float32Array(given.grid.a.length * given.grid.b.length);
  answer(values);
  await settled();
  const { path, guess: guessed, ...landscape } = search.landscape.value!;
  assert.is(landscape.values, values);
  assert.equal(path, [
    { a: -4, b: 0 },
    { a: 0, b: 0 },
  ]);
  assert.equal([guessed!.a, Math.abs(guessed!.b)], [-4, 9]);
});

test("a guest's landscape has no guess, which is a code of the page's own decoder", async () => {
  const { search, networks, last, guess } = makeSearch();
  networks.guest.value = "other.onnx";
  void search.solve();
  await settled();
  const { trajectory, ...found } = foundAt(4);
  const path = { ...trajectory!, loss: Float32Array.of(3, 2, 1), z: Float32Array.of(0, 0, 2, -3, 4, 0) };
  last("encode")!.answer({ ...found, trajectory: path });
  await guess();
  assert.equal(last("contours")!.given.grid.v, Float32Array.of(0, -1), "towards the middle of the path");
  last("contours")!.answer(new Float32Array(1));
  await settled();
  assert.is(search.landscape.value!.guess, undefined);
});

test("while the pen is down a search is quick, from the last code, and shows no landscape", async () => {
  const { search, isPenDown, last, guess, searchOnce } = makeSearch();
  await searchOnce();
  isPenDown.value = true;
  void search.solve();
  await settled();
  const { given, signal, answer } = last("encode")!;
  assert.equal(given.z0, Float32Array.of(4, 0));
  assert.ok(given.quick && given.saveAt === undefined);
  void search.solve();
  assert.ok(signal!.aborted, "a newer stroke ends it");
  answer(foundAt(5, false));
  await guess();
  assert.equal(search.found.value!.z, Float32Array.of(5, 0));
  assert.is(search.landscape.value, undefined);
});

test("where all pixels are hidden there is no code, nor one that is found afterwards", async () => {
  const { search, state, last, guess, searchOnce } = makeSearch();
  await searchOnce();
  assert.ok(search.landscape.value);
  void search.solve();
  await settled();
  const { answer } = last("encode")!;
  state.hidden = HIDES_ALL;
  await search.solve();
  answer(foundAt(5));
  await guess();
  assert.is(search.found.value, undefined);
  assert.is(search.landscape.value, undefined);
});

test("what a decoder has found that was replaced meanwhile is not shown", async () => {
  const { search, networks, last, guess, paths } = makeSearch();
  void search.solve();
  await settled();
  networks.description.value = description("other");
  last("encode")!.answer(foundAt(4));
  await guess();
  assert.is(search.found.value, undefined);
  assert.is(paths(), 0);
  assert.is(last("contours"), undefined);
});

test("a newer search ends the landscape of the one before, and a reply under way is not shown", async () => {
  const { search, last, guess } = makeSearch();
  void search.solve();
  await settled();
  last("encode")!.answer(foundAt(4));
  await guess();
  const { signal, answer } = last("contours")!;
  void search.solve();
  assert.ok(signal!.aborted);
  answer(new Float32Array(1));
  await settled();
  assert.is(search.landscape.value, undefined);
});

test("the landscape of a search that a newer one overtakes while the encoders guess is not computed", async () => {
  const { search, last, guess } = makeSearch();
  void search.solve();
  await settled();
  last("encode")!.answer(foundAt(4));
  await settled();
  void search.solve();
  await guess();
  assert.is(last("contours"), undefined);
});

test.run();
