import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { init } from "echarts";

/** A line of a chart: points [x, y]. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Default "value", a linear axis. */
  readonly yScale?: "value" | "log";
  readonly lines: readonly ChartLine[];
}

// A font that comes with the development tools: a machine that runs this may have none.
const FONT = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");

/** Writes the chart as a PNG of 1600 × 1000 pixels. */
export function writeChart(file: string, { title, xTitle, yTitle, yScale = "value", lines }: Chart): void {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 800, height: 500 });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "DejaVu Sans" },
    title: { text: title, left: "center", top: 10, textStyle: { fontSize: 16 } },
    legend: { bottom: 8, itemGap: 50 },
    grid: { left: 80, right: 30, top: 55, bottom: 85 },
    xAxis: { type: "value", name: xTitle, nameLocation: "middle", nameGap: 30 },
    yAxis: { type: yScale, name: yTitle, nameLocation: "middle", nameGap: 55 },
    series: lines.map(({ name, points }) => ({
      type: "line",
      name,
      data: points.map((point) => [...point]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const font = { fontFiles: [FONT], loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" };
  writeFileSync(file, new Resvg(svg, { fitTo: { mode: "width", value: 1600 }, font }).render().asPng());
}
