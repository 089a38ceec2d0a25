import type { Results } from "./element.ts";
import { testFloor } from "./floors.ts";
import { type Figure, means, NOT_YET, withExcess } from "./page.ts";
import { ROWS, type Row } from "./table1-rows.ts";
import { ALL, resultOf, type Trained } from "./trained-decoders.ts";

// Pages that hold a flow's codes against an encoder's own say how much of the lead is the inversion alone.

/** Test losses of one data set after one pass of each, all of table 1. */
export interface Inversion {
  readonly name: "MNIST" | "SegMNIST" | "Fashion-MNIST";
  /** The flow by `lbfgs`. */
  readonly flow: Figure;
  /** The autoencoder by its own code. */
  readonly code: Figure;
  /** The autoencoder's decoder, inverted by `lbfgs`. */
  readonly inverted: Figure;
  /** The autoencoder by its own code, after twelve passes. */
  readonly twelve: Figure;
}

/** Share of the flow's lead over the autoencoder's own code that the autoencoder's decoder has, too, when it is inverted. */
function shareOf({ flow, code, inverted }: Inversion): number | undefined {
  if (flow.mean === undefined || code.mean === undefined || inverted.mean === undefined) return undefined;
  const lead = code.mean - flow.mean;
  return lead > 0 ? (code.mean - inverted.mean) / lead : undefined;
}

/** Says how much of the lead the inversion is, with all losses of the first data set. */
export function inversionNote(all: readonly Inversion[]): string {
  const shares = all.flatMap((one) => {
    const share = shareOf(one);
    return share === undefined ? [] : [{ name: one.name, share }];
  });
  if (shares.length === 0) return `How much of that is the inversion alone: ${NOT_YET}.`;
  const most = shares.filter(({ share }) => share > 0.5).length;
  const verdict =
    most === shares.length
      ? "Most of that is the inversion"
      : most === 0
        ? "Less than half of that is the inversion"
        : "Most of that is the inversion, but not on every set";
  const said = shares.map(({ name, share }) => `${(100 * share).toFixed(0)} % on ${name}`).join(", ");
  const { name, ...figures } = all[0]!;
  const show = (figure: Figure) => withExcess(figure, testFloor(name));
  return `${verdict}, by which the flow's codes are found and the autoencoder's are not. Of the flow's lead after one pass of each it makes ${said}. On ${name} the flow by \`lbfgs\` is at ${show(figures.flow)}, the autoencoder at ${show(figures.code)} by its own code and at ${show(figures.inverted)} where its decoder is inverted by \`lbfgs\`, too; after twelve passes it is at ${show(figures.twelve)} by its own code.`;
}

/** Table 1's figures of the complete MNIST, of one seed. */
export function inversionOfMnist(results: Results<unknown>): Inversion {
  const of = ({ method, by }: Row) =>
    means([resultOf(results as Results<Trained>, "MNIST", ALL, method, 0)?.tests[by]?.loss]);
  return {
    name: "MNIST",
    ...{ flow: of(ROWS.ours), code: of(ROWS.once) },
    ...{ inverted: of(ROWS.onceInverted), twelve: of(ROWS.twelve) },
  };
}
