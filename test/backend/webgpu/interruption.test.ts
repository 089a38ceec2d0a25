import { test } from "uvu";
import * as assert from "uvu/assert";
import { Interruption } from "../../../src/backend/webgpu/interruption.ts";

/** How many of these are still in memory. */
async function countAlive(objects: readonly WeakRef<object>[]): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve));
    globalThis.gc!();
  }
  return objects.filter((object) => object.deref() !== undefined).length;
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );

test("work that ends is what it comes to, and nothing of it is kept", async () => {
  const interruption = new Interruption();
  const made: WeakRef<object>[] = [];
  const make = <T extends object>(object: T): T => {
    made.push(new WeakRef(object));
    return object;
  };
  // In a function, whose variables hold nothing once it has returned.
  const use = async (i: number) => {
    const bytes = await interruption.during(Promise.resolve(make(new Float32Array(1000))));
    assert.is(bytes.length, 1000);
    const failing = interruption.during(Promise.reject(make(new Error(`failure ${i}`))));
    assert.is(await failing.catch((error: Error) => error.message), `failure ${i}`);
  };
  for (let i = 0; i < 50; i++) await use(i);
  assert.is(await countAlive(made), 0);
  assert.not(interruption.hasCome);
});

test("the error ends all that is waited for, what comes later too, and lets go of it", async () => {
  const interruption = new Interruption();
  const error = new Error("lost");
  let end: (value: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const waiting = [
    interruption.during(new Promise((resolve) => (end = resolve))),
    interruption.during(new Promise((_, reject) => (fail = reject))),
    interruption.during(new Promise(() => {})),
  ].map(outcome);
  interruption.come(error);
  assert.ok(interruption.hasCome);
  for (const ended of await Promise.all(waiting)) assert.equal(ended, { error });
  // Too late: neither a second outcome nor an unhandled rejection, which would end the process.
  end("done");
  fail(new Error("failed too"));
  assert.equal(await outcome(interruption.during(new Promise(() => {}))), { error });
  assert.equal(await outcome(interruption.during(Promise.reject(new Error("another")))), { error });
  await new Promise((resolve) => setTimeout(resolve));

  const made: WeakRef<object>[] = [];
  const ask = async () => {
    const never = new Promise(() => {});
    made.push(new WeakRef(never));
    await outcome(interruption.during(never));
  };
  for (let i = 0; i < 10; i++) await ask();
  assert.is(await countAlive(made), 0);
});

test.run();
