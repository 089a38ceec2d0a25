import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Field } from "../../../src/base/options.ts";
import { type Choice, chosen, nameOf } from "../../../src/cli/options/choice.ts";
import { kebabCase } from "../../../src/cli/options/parse.ts";
import { addFlowAndSolverOptions, flows, solvers } from "../../../src/cli/options/solver-options.ts";

// What the flags of flows and solvers make: each sets the option of its name, and no other.

/** A value that an option allows and that is not its default. */
function otherValue({ bounds = {}, choices, standard }: Field<unknown>): number | string {
  if (choices) return choices.find((choice) => choice !== standard)!;
  const { integer, min = 0, above = -1, max = 1e9, below = 1e9 } = bounds;
  const isAllowed = (value: number) =>
    (!integer || Number.isInteger(value)) && value >= min && value > above && value <= max && value < below;
  return [3, 0.5].find((value) => isAllowed(value) && value !== standard)!;
}

/** Options of a value made by a choice, those of its grid included; the grid itself by its name. */
function optionsIn(value: object): Record<string, unknown> {
  const { grid, ...own } = value as { grid?: { name: string } };
  return grid ? { ...own, ...grid, grid: grid.name } : own;
}

for (const choice of [flows, solvers] as readonly Choice<object>[]) {
  for (const [name, { fields }] of Object.entries(choice.members)) {
    test(`--${choice.name} ${name}: each of its flags sets its option alone`, () => {
      const madeBy = (given: Readonly<Record<string, unknown>>) => {
        const words = Object.entries({ [choice.name]: name, ...given }).flatMap(([option, value]) => [
          `--${kebabCase(nameOf(choice, option))}`,
          `${value}`,
        ]);
        const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
        addFlowAndSolverOptions(command).parse(words, { from: "user" });
        return optionsIn(chosen(command, choice).value);
      };
      const needed = Object.keys(fields).filter((option) => !("standard" in fields[option]!));
      const standards = Object.fromEntries(needed.map((option) => [option, 1]));
      const before = madeBy(standards);
      for (const [option, field] of Object.entries(fields)) {
        const given = otherValue(field);
        const after = madeBy({ ...standards, [option]: given });
        if (option === "grid") {
          assert.equal([before.grid, after.grid], ["logGrid", "linearGrid"]);
          continue;
        }
        assert.is(after[option], given, option);
        assert.equal({ ...after, [option]: undefined }, { ...before, [option]: undefined }, option);
      }
    });
  }
}

test("the report has a default as it follows from another option", () => {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  const words = ["--solver", "amd", "--step-init", "20"];
  addFlowAndSolverOptions(command).parse(words, { from: "user" });
  const { value, description } = chosen(command, solvers);
  assert.equal({ ...description }, { ...value });
  assert.is(description.stepMax, 20);
});

test.run();
