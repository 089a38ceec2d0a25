import type { Series } from "../components/series.ts";

// Chart of a sample that is not a picture: its values over their index.

/** Lines and ticks of the chart, as props of LineChart. */
export interface SampleChart {
  readonly series: readonly Series[];
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
}

/** Maximum number of points in a line, about two per pixel of the chart's width. */
export const MOST_POINTS = 1200;

/**
 * Makes the chart of a sample as given and, once it is encoded, as decoded.
 *
 * @param given values of the sample; NaN is a missing one
 * @param decoded values decoded from its code; undefined if there are none yet
 */
export function chartOf(given: Float32Array, decoded: Float32Array | undefined): SampleChart {
  const line = (name: string, style: Series["style"], values: Float32Array): Series => ({
    name,
    style,
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
  // The axis needs a positive length, even if all values are 0.
  if (most <= least) most = least + 1;
  const last = given.length - 1;
  return {
    series,
    xTicks: [...new Set([0, Math.floor(last / 2), last])],
    yTicks: [least, (least + most) / 2, most].map((value) => Number(value.toPrecision(3))),
  };
}

/**
 * Returns all values with their indices; for a long sample, the minimum and maximum of each of many intervals, so that
 * peaks are kept.
 */
function pointsOf(values: Float32Array): [number, number][] {
  if (values.length <= MOST_POINTS) return Array.from(values, (value, i) => [i, value]);
  const stretches = MOST_POINTS / 2;
  return Array.from({ length: stretches }, (_, k) => {
    const [from, to] = [k, k + 1].map((at) => Math.floor((at * values.length) / stretches));
    let [least, most] = [from!, from!];
    for (let i = from!; i < to!; i++) {
      if (values[i]! < values[least]! || Number.isNaN(values[least])) least = i;
      if (values[i]! > values[most]! || Number.isNaN(values[most])) most = i;
    }
    const ends = [Math.min(least, most), Math.max(least, most)];
    return ends.map((i): [number, number] => [i, values[i]!]);
  }).flat();
}
