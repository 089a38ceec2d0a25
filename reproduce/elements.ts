import { authorsCode } from "./authors-code.ts";
import type { Element, Job, Settings } from "./element.ts";
import { encoderGap } from "./encoder-gap.ts";
import { figure1 } from "./figure1.ts";
import { figure2Left } from "./figure2-left.ts";
import { figure2Right } from "./figure2-right.ts";
import { figure3 } from "./figure3.ts";
import { frontier } from "./frontier.ts";
import { stiffness } from "./stiffness.ts";
import { table1Left } from "./table1-left.ts";
import { table1Right } from "./table1-right.ts";

/** In the order in which they are computed, the dearest last. */
export const elements: readonly Element[] = [
  table1Left,
  authorsCode,
  table1Right,
  figure2Left,
  figure2Right,
  stiffness,
  figure3,
  figure1,
  frontier,
  encoderGap,
] as readonly unknown[] as readonly Element[];

/** As index.md walks through them. */
export const inThePapersOrder: readonly Element[] = [
  stiffness,
  figure1,
  figure2Left,
  figure2Right,
  figure3,
  table1Left,
  authorsCode,
  table1Right,
  frontier,
  encoderGap,
] as readonly unknown[] as readonly Element[];

export function elementNamed(name: string): Element {
  return elements.find((element) => element.name === name)!;
}

/** An element's jobs, whatever they find. */
export function jobsOf(element: Element, settings: Settings): readonly Job<unknown>[] {
  return element.jobs(settings);
}
