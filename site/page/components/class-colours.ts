// Colours of the ten digit classes that are distinguishable with any colour vision: Paul Tol, "Colour Schemes",
// SRON/EPS/TN/09-002, 2021. His scheme "muted" on white and "light" on black, each extended by one colour: a grey, a
// violet.

const ON_WHITE = [
  ...["#332288", "#88ccee", "#44aa99", "#117733", "#999933"],
  ...["#ddcc77", "#cc6677", "#882255", "#aa4499", "#808080"],
];
const ON_BLACK = [
  ...["#77aadd", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00"],
  ...["#eedd88", "#ee8866", "#ffaabb", "#b58be0", "#dddddd"],
];

/** Returns the colours of the digit classes 0 to 9. */
export function classColours(isDark: boolean): readonly string[] {
  return isDark ? ON_BLACK : ON_WHITE;
}
