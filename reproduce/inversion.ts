import { capital, type Figure, listed, NOT_YET } from "./page.ts";

// Table 1's right side holds a flow's codes against an encoder's own, and says how much of the lead is the inversion alone.

/** Test losses of one data set after one pass of each. */
export interface Inversion {
  readonly name: string;
  /** The flow. */
  readonly flow: Figure;
  /** The autoencoder by its own code. */
  readonly code: Figure;
  /** The autoencoder's decoder, inverted by the flow's solver. */
  readonly inverted: Figure;
}

const INVERSION = "how much of the lead is the inversion";

/** Heading of the section that has the note. */
export const INVERSION_HEADING = `## ${capital(INVERSION)}`;
/** Link to it, for other pages. */
export const INVERSION_LINK = `[${INVERSION}](table1-right.md#${INVERSION.replaceAll(" ", "-")})`;

/** Share of the flow's lead over the autoencoder's own code that the autoencoder's decoder has, too, when it is inverted. */
function shareOf({ flow, code, inverted }: Inversion): number | undefined {
  if (flow.mean === undefined || code.mean === undefined || inverted.mean === undefined) return undefined;
  const lead = code.mean - flow.mean;
  return lead > 0 ? (code.mean - inverted.mean) / lead : undefined;
}

/** Shares by data set, of those where the flow has a lead: `67 % on MNIST and 57 % on SegMNIST`. */
function sharesOf(all: readonly Inversion[]): string {
  const shares = all.flatMap((one) => {
    const share = shareOf(one);
    return share === undefined ? [] : [`${(100 * share).toFixed(0)} % on ${one.name}`];
  });
  return shares.length > 0 ? listed(shares) : NOT_YET;
}

/** Says how much of the lead the inversion is, by either solver. */
export const inversionNote = (byOurs: readonly Inversion[], byAmd: readonly Inversion[]): string =>
  `After one pass of each, inverting the autoencoder's decoder closes part of the flow's lead. By \`lbfgs\`: ${sharesOf(byOurs)}. By AMD, GFE-amd's own solver: ${sharesOf(byAmd)}.`;
