import type { Series } from "../components/series.ts";

// The chart of a sample that is no picture: its values over their index.

/** Lines and ticks, as LineChart takes them. */
export interface SampleChart {
  readonly series: readonly Series[];
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
}

/** Points of a line at most: about two for each pixel of the chart's width. */
export const MOST_POINTS = 1200;

/**
 * Draws a sample as given, and as decoded from its code once there is one.
 *
 * @param given finite values
 */
export function chartOf(given: Float32Array, decoded: Float32Array | undefined): SampleChart {
  const line = (name: string, style: Series["style"], values: Float32Array): Series => ({
    ...{ name, style },
    points: pointsOf(values),
  });
  const series = decoded
    ? [line("decoded", "plain", decoded), line("given", "faint", given)]
    : [line("given", "plain", given)];
  let [least, most] = [0, Number.NEGATIVE_INFINITY];
  for (const [, value] of series.flatMap(({ points }) => points)) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  // An axis has a length, even that of a sample of zeros.
  if (most <= least) most = least + 1;
  const last = given.length - 1;
  return {
    series,
    xTicks: [...new Set([0, Math.floor(last / 2), last])],
    yTicks: [least, (least + most) / 2, most].map((value) => Number(value.toPrecision(3))),
  };
}

/** All values with their indices; of a long sample the least and the greatest of each stretch, so that no peak is lost. */
function pointsOf(values: Float32Array): [number, number][] {
  if (values.length <= MOST_POINTS) return Array.from(values, (value, i) => [i, value]);
  const stretches = MOST_POINTS / 2;
  return Array.from({ length: stretches }, (_, k) => {
    const [from, to] = [k, k + 1].map((at) => Math.floor((at * values.length) / stretches));
    let [least, most] = [from!, from!];
    for (let i = from!; i < to!; i++) {
      if (values[i]! < values[least]!) least = i;
      if (values[i]! > values[most]!) most = i;
    }
    const ends = [Math.min(least, most), Math.max(least, most)];
    return ends.map((i): [number, number] => [i, values[i]!]);
  }).flat();
}
