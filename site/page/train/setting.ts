// What the page and its worker know of the training.

/** Digits that are trained on: `TRAINED_ON` of scripts/make-page-models.ts. */
export const DIGITS = 480;
/** Rounds of a whole run: later ones hardly improve unseen digits. */
export const ROUNDS = 24;
/** Unseen digits that are drawn after each round. */
export const SHOWN = 8;
