// What the completed shapes are compared with.

/** At each of the points the distance that was given at the one nearest to it. */
export function fromNearest(xyz, seen, distances) {
  return Float32Array.from({ length: xyz.length / 3 }, (_, i) => {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let j = 0; j < distances.length; j++) {
      const away = Math.hypot(...[0, 1, 2].map((axis) => xyz[3 * i + axis] - seen[3 * j + axis]));
      if (away < least) [nearest, least] = [j, away];
    }
    return distances[nearest];
  });
}

/** The mean of arrays, number by number. */
export function meanOf(arrays) {
  return arrays[0].map((_, i) => arrays.reduce((sum, array) => sum + array[i], 0) / arrays.length);
}

/** The mean of |guess - right| over arrays of numbers, to four digits. */
export function meanError(guesses, rights) {
  const sums = guesses.map((guess, i) =>
    guess.reduce((sum, value, j) => sum + Math.abs(value - rights[i][j]), 0),
  );
  return Number(
    (sums.reduce((sum, value) => sum + value, 0) / guesses.length / guesses[0].length).toFixed(4),
  );
}
