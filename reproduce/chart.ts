import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { type CustomSeriesOption, init } from "echarts";

/** A point of a line, and the standard deviation of its y over seeds, 0 where there is one. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly deviation: number;
}

/** A line of a chart. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** For what is the paper's, not computed here. */
  readonly isDashed?: boolean;
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  /** With their units. */
  readonly xTitle: string;
  readonly yTitle: string;
  /** Default "value", a linear axis. */
  readonly xScale?: "value" | "log";
  readonly yScale?: "value" | "log";
  readonly lines: readonly ChartLine[];
}

// A font that comes with the development tools: a machine that runs this may have none.
const FONT = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
/** Points of a line that have room for a symbol each. */
const MOST_SYMBOLS = 100;

/** Told apart in print and by the colour-blind (Okabe and Ito's), with a symbol each besides. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31"];
const SYMBOLS = [
  "circle",
  "rect",
  "triangle",
  "diamond",
  "emptyCircle",
  "emptyRect",
  "emptyTriangle",
  "emptyDiamond",
];

/** Writes the chart as PATH.svg, and as PATH.png of 1600 × 1000 pixels. */
export function writeChart(path: string, { title, xTitle, yTitle, xScale, yScale, lines }: Chart): void {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 800, height: 500 });
  const legendRows = Math.ceil(lines.length / 3);
  const axis = (type: "value" | "log" = "value", name: string, nameGap: number) => ({
    ...{ type, name, nameLocation: "middle" as const, nameGap, scale: true },
    ...{ nameTextStyle: { fontSize: 14, color: "#000" }, axisLabel: { fontSize: 12, color: "#000" } },
    axisLine: { show: true, lineStyle: { color: "#000" } },
    splitLine: { lineStyle: { color: "#ddd" } },
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: COLOURS,
    textStyle: { fontFamily: "DejaVu Sans" },
    title: { text: title, left: "center", top: 10, textStyle: { fontSize: 16, color: "#000" } },
    legend: {
      // Texts are taken for narrower than this font is.
      ...{ bottom: 6, width: 720, itemGap: 32, textStyle: { fontSize: 12, color: "#000" } },
      data: lines.map(({ name }) => name),
    },
    grid: { left: 85, right: 30, top: 50, bottom: 70 + 22 * legendRows },
    xAxis: axis(xScale, xTitle, 30),
    yAxis: axis(yScale, yTitle, 60),
    series: lines.flatMap((line, i) => [
      ...(line.points.some(({ deviation }) => deviation > 0)
        ? [band(line, COLOURS[i % COLOURS.length]!, yScale)]
        : []),
      {
        ...{ type: "line" as const, name: line.name, symbol: SYMBOLS[i % SYMBOLS.length]!, symbolSize: 8 },
        // Of more points the symbols would cover the line.
        showSymbol: line.points.length <= MOST_SYMBOLS,
        itemStyle: { color: COLOURS[i % COLOURS.length]! },
        lineStyle: { width: 2, type: line.isDashed ? ("dashed" as const) : ("solid" as const) },
        data: line.points.map(({ x, y }) => [x, y]),
      },
    ]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  writePicture(path, svg);
}

/** Writes an SVG as PATH.svg, and as PATH.png 1600 pixels wide. */
export function writePicture(path: string, svg: string): void {
  writeFileSync(`${path}.svg`, svg);
  const font = { fontFiles: [FONT], loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" };
  writeFileSync(
    `${path}.png`,
    new Resvg(svg, { fitTo: { mode: "width", value: 1600 }, font }).render().asPng(),
  );
}

/** One standard deviation over seeds to either side of a line. */
function band({ points }: ChartLine, fill: string, yScale: Chart["yScale"]): CustomSeriesOption {
  const lowest = ({ y, deviation }: ChartPoint) =>
    yScale === "log" ? Math.max(y - deviation, y / 10) : y - deviation;
  return {
    ...{ type: "custom", silent: true, z: 1, data: [[0]] },
    renderItem: (_, { coord }) => ({
      type: "polygon",
      shape: {
        points: [
          ...points.map((point) => coord!([point.x, point.y + point.deviation])),
          ...points.map((point) => coord!([point.x, lowest(point)])).reverse(),
        ],
      },
      style: { fill, opacity: 0.2 },
    }),
  };
}
