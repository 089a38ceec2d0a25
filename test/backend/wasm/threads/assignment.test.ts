// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Assignment } from "../../../../src/backend/wasm/threads/assignment.ts";

// Which thread has which sample, move by move.

/** An assignment with so many members. */
function begin(samples: number, mostHeld: number, members: number): Assignment {
  const assignment = new Assignment(samples, mostHeld);
  for (let member = 0; member < members; member++) assert.is(assignment.join(), member);
  return assignment;
}

test("what cannot be divided is the first member's, and each of the others has one at least", () => {
  for (const [samples, members, shares] of [
    [7, 3, [3, 2, 2]],
    [9, 3, [3, 3, 3]],
    [2, 3, [1, 1, 1]],
    [1, 2, [1, 1]],
    [17, 5, [4, 3, 3, 3, 3]],
  ] as const) {
    const assignment = begin(samples, 100, members);
    assert.equal(
      shares.map((_, member) => assignment.allowance(member)),
      shares,
      `${samples} on ${members}`,
    );
  }
});

test("samples are given one after the other, no more than are asked for or left", () => {
  const assignment = begin(7, 100, 2);
  assert.equal(assignment.take(0, 3), { first: 0, count: 3 });
  assert.equal(assignment.take(1, 1), { first: 3, count: 1 });
  assert.equal(assignment.take(1, 9), { first: 4, count: 2 });
  assert.is(assignment.take(1, 9), undefined, "it has its share");
  assert.equal(assignment.take(0, 9), { first: 6, count: 1 });
  assert.is(assignment.take(0, 9), undefined);
});

test("no member holds more than the bound, and what has ended makes room", () => {
  const assignment = begin(20, 4, 2);
  assert.equal(assignment.take(1, 3), { first: 0, count: 3 });
  assert.is(assignment.allowance(1), 1);
  assert.equal(assignment.take(1, 9), { first: 3, count: 1 });
  assert.is(assignment.take(1, 9), undefined);
  assignment.end(2);
  assert.equal(assignment.take(1, 9), { first: 4, count: 1 });
});

test("shares are those of the samples that have not ended, among the members that are there", () => {
  const assignment = begin(12, 100, 3);
  assert.is(assignment.allowance(1), 4);
  assert.equal(assignment.take(1, 4), { first: 0, count: 4 });
  for (let sample = 0; sample < 4; sample++) assignment.end(sample);
  assert.is(assignment.allowance(1), 2, "of 8 that are left, for 3");
  assignment.leave(2);
  assert.is(assignment.allowance(1), 4, "of 8 that are left, for 2");
  assert.is(assignment.allowance(2), 0, "it has left");
  assert.is(assignment.take(2, 1), undefined);
  assert.is(assignment.join(), 3, "a number of its own");
  assert.is(assignment.allowance(3), 2);
});

test("the samples of a member that is lost are given again, one at a time, also once all others are given", () => {
  const assignment = begin(4, 100, 2);
  assert.equal(assignment.take(0, 2), { first: 0, count: 2 });
  assert.equal(assignment.take(1, 2), { first: 2, count: 2 });
  assignment.end(3);
  assignment.leave(1);
  assert.not(assignment.holds(1, 2), "what it says of it is out of date");
  assert.ok(assignment.holds(0, 1));
  assignment.end(0);
  assert.is(assignment.allowance(0), 1);
  assert.equal(assignment.take(0, 9), { first: 2, count: 1 });
  assert.ok(assignment.holds(0, 2));
  assignment.end(1);
  assert.not(assignment.isDone);
  assignment.end(2);
  assert.ok(assignment.isDone);
});

test("a lost sample comes before those that nobody has had", () => {
  const assignment = begin(6, 100, 2);
  assert.equal(assignment.take(1, 1), { first: 0, count: 1 });
  assignment.leave(1);
  assert.equal(assignment.take(0, 9), { first: 0, count: 1 });
  assert.equal(assignment.take(0, 9), { first: 1, count: 5 });
});

test("a sample ends once, and one that is to be given again has not ended", () => {
  const assignment = begin(2, 100, 2);
  assignment.take(0, 1);
  assignment.end(0);
  assignment.end(0);
  assert.not(assignment.isDone);
  assignment.take(1, 1);
  assignment.leave(1);
  assignment.end(1);
  assert.not(assignment.isDone);
  assert.equal(assignment.take(0, 1), { first: 1, count: 1 });
  assignment.end(1);
  assert.ok(assignment.isDone);
});

test.run();
