const SIZE = 28;

/**
 * What to compare with: each missing pixel, NaN, becomes the mean of the given ones that are nearest to it.
 *
 * @param pictures of 28 × 28 numbers, one after the other
 */
export function fromNearest(pictures) {
  return pictures.map((value, i) => {
    if (!Number.isNaN(value)) return value;
    const pixel = i % SIZE ** 2;
    const [x, y] = [pixel % SIZE, Math.floor(pixel / SIZE)];
    let [nearest, sum, count] = [Number.POSITIVE_INFINITY, 0, 0];
    for (let other = 0; other < SIZE ** 2; other++) {
      const given = pictures[i - pixel + other];
      const away = ((other % SIZE) - x) ** 2 + (Math.floor(other / SIZE) - y) ** 2;
      if (Number.isNaN(given) || away > nearest) continue;
      if (away < nearest) [nearest, sum, count] = [away, 0, 0];
      sum += given;
      count++;
    }
    return sum / count;
  });
}
