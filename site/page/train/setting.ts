// Numbers for the training that the page displays.

/** Number of training digits: `TRAINED_ON` of scripts/make-page-models.ts. */
export const TRAINED_ON = 480;
/** Number of rounds (passes over the digits) in a whole run; further ones hardly improve unseen digits. */
export const ROUNDS = 24;
/** Number of unseen digits that the page displays after each round. */
export const SHOWN = 8;
