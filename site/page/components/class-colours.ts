// A colour for each class of digits, which people of all kinds of colour vision tell apart: Paul Tol, "Colour Schemes",
// SRON/EPS/TN/09-002, 2021. On white his scheme "muted", on black "light", each with one more: a grey, a violet.

const ON_WHITE = [
  ...["#332288", "#88ccee", "#44aa99", "#117733", "#999933"],
  ...["#ddcc77", "#cc6677", "#882255", "#aa4499", "#808080"],
];
const ON_BLACK = [
  ...["#77aadd", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00"],
  ...["#eedd88", "#ee8866", "#ffaabb", "#b58be0", "#dddddd"],
];

/** Colours of the classes 0 to 9. */
export function classColours(isDark: boolean): readonly string[] {
  return isDark ? ON_BLACK : ON_WHITE;
}
