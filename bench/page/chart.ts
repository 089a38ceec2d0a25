import type { EChartsCoreOption } from "echarts/core";
import { CONTENDER_NAMES, CONTENDERS } from "./contenders.ts";
import { DECODERS } from "./decoders.ts";
import type { Report } from "./report.ts";

const INK = "#1c2733";
const GRID = "#e3e7ec";
/** A line and a mark for each decoder, so that colours are not all there is to tell them by. */
const STYLES = [
  { type: "solid", symbol: "circle" },
  { type: "dashed", symbol: "rect" },
  { type: "dotted", symbol: "triangle" },
];

/**
 * Samples a second by batch size, both logarithmic, a line for each backend and decoder; pins where WebGPU overtakes. With
 * the first solver that was measured.
 *
 * @param isNarrow for a screen as of a phone
 */
export function chartOption(
  report: Pick<Report, "rows" | "crossings">,
  isNarrow: boolean,
): EChartsCoreOption {
  const solver = report.rows[0]?.solver;
  const ofSolver = report.rows.filter((row) => row.solver === solver);
  const decoders = [...new Set(ofSolver.map((row) => row.decoder))];
  const series = decoders.flatMap((decoder, i) =>
    CONTENDER_NAMES.map((name) => {
      const { label, color } = CONTENDERS[name];
      const { type, symbol } = STYLES[i % STYLES.length]!;
      const rows = ofSolver.filter((row) => row.decoder === decoder && row.contender === name);
      const crossings = report.crossings.filter(
        (cross) => cross.solver === solver && cross.decoder === decoder && cross.contender === name,
      );
      return {
        type: "line",
        name: `${label}, ${solver}, ${DECODERS[decoder].label}`,
        data: rows.map(({ size, samplesPerSecond }) => [size, samplesPerSecond]),
        color,
        symbol,
        symbolSize: 9,
        lineStyle: { type, width: 2.5 },
        markPoint: {
          symbol: "pin",
          symbolSize: 46,
          label: { color: "#fff", fontSize: 11, formatter: ({ value }: { value: number }) => `${value}` },
          // In the colour of the line that is overtaken.
          data: crossings.flatMap(({ other, size, samplesPerSecond }) =>
            typeof size === "number"
              ? [
                  {
                    name: `overtakes ${CONTENDERS[other].label}`,
                    value: Math.round(size),
                    coord: [size, samplesPerSecond],
                    itemStyle: { color: CONTENDERS[other].color },
                  },
                ]
              : [],
          ),
        },
      };
    }),
  );
  const title = { color: INK, fontSize: 13 };
  const axis = {
    type: "log",
    splitLine: { lineStyle: { color: GRID } },
    axisLine: { lineStyle: { color: INK } },
    axisLabel: { color: INK },
    nameLocation: "middle",
    nameTextStyle: title,
  };
  const sizes = ofSolver.map((row) => row.size);
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: "system-ui, sans-serif" },
    legend: {
      bottom: 0,
      itemGap: isNarrow ? 6 : 18,
      textStyle: { color: INK },
      itemWidth: 42,
      orient: isNarrow ? "vertical" : "horizontal",
    },
    tooltip: { trigger: "item" },
    grid: {
      left: isNarrow ? 56 : 70,
      right: 20,
      top: 50,
      bottom: isNarrow ? 60 + 20 * series.length : 80,
    },
    xAxis: {
      ...axis,
      name: "samples encoded at once",
      nameGap: 28,
      logBase: 4,
      min: Math.min(...sizes),
      max: Math.max(...sizes),
    },
    yAxis: { ...axis, name: "samples a second", nameGap: isNarrow ? 40 : 50 },
    series,
  };
}
