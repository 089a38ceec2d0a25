import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { type CustomSeriesOption, init, setPlatformAPI } from "echarts";

/** A point of a line: a mean over seeds, with the lowest and the highest seed. All three are equal where there is one seed. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** A line of a chart. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** For what is the paper's, not computed here, and for a line that would hide another. */
  readonly isDashed?: boolean;
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  /** With their units. */
  readonly xTitle: string;
  readonly yTitle: string;
  /** Default "value", a linear axis. On a logarithmic x axis 0 stands apart, at its left end. */
  readonly xScale?: Scale;
  readonly yScale?: Scale;
  readonly lines: readonly ChartLine[];
  /** Sentence that a page puts under the chart. */
  readonly note?: string;
}

type Scale = "value" | "log";

/** How a line is drawn. */
export interface LineStyle {
  readonly colour: string;
  readonly symbol: string;
  /** Lengths of dashes and gaps. */
  readonly dash: "solid" | "dashed" | "dotted" | readonly number[];
}

// A font that comes with the development tools: a machine that runs this may have none.
const FONT = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
/** A line of more points has so many symbols only, evenly along it. */
const MOST_SYMBOLS = 30;
const FEW_SYMBOLS = 12;

/** Told apart in print and by the colour-blind (Okabe and Ito's), with a symbol each besides. Black is the paper's. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31"];
/** One more than colours: where the colours begin again, each comes with another symbol than before. */
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
/** Each time the colours begin again. */
const DASHES = ["solid", "dotted", [12, 4, 2, 4]] as const;

/** The paper's lines look the same in every chart. */
const PAPER_STYLES: Readonly<Record<string, LineStyle>> = {
  "the paper's GFE-amd": { colour: "#000000", symbol: "circle", dash: "dashed" },
  "the paper's AE": { colour: "#000000", symbol: "emptyRect", dash: "dashed" },
  "the paper's mixed": { colour: "#000000", symbol: "triangle", dash: "dashed" },
};

/** How each line of a chart is drawn, so that no two look alike. */
export function stylesOf(lines: readonly ChartLine[]): LineStyle[] {
  let i = -1;
  return lines.map(({ name, isDashed }) => {
    const fixed = PAPER_STYLES[name];
    if (fixed) return fixed;
    i++;
    const dash = DASHES[Math.floor(i / COLOURS.length) % DASHES.length]!;
    return {
      colour: COLOURS[i % COLOURS.length]!,
      symbol: SYMBOLS[i % SYMBOLS.length]!,
      dash: isDashed ? "dashed" : dash,
    };
  });
}

/**
 * Which points of a line are drawn with its symbol: all, or of many some, evenly over the axis.
 *
 * @param shift from 0 to 1, so that the symbols of lines that lie on each other do not
 */
export function withSymbols(points: readonly ChartPoint[], xScale: Scale, shift: number): boolean[] {
  if (points.length <= MOST_SYMBOLS) return points.map(() => true);
  const at = ({ x }: ChartPoint) => (xScale === "log" ? Math.log(x) : x);
  const [first, last] = [at(points[0]!), at(points.at(-1)!)];
  let next = first + (shift * (last - first)) / FEW_SYMBOLS;
  return points.map((point) => {
    if (at(point) < next) return false;
    while (next <= at(point)) next += (last - first) / FEW_SYMBOLS;
    return true;
  });
}

/** True if any point of a chart is of several seeds that differ: its line has a band. */
export const hasBands = ({ lines }: Chart): boolean =>
  lines.some(({ points }) => points.some(({ low, high }) => high > low));

/** Widths of DejaVu Sans's characters in ems, rounded up: ECharts measures without the font, and takes texts for narrower. */
const WIDTHS: readonly (readonly [characters: RegExp, ems: number])[] = [
  [/[ijl'.,:;|I!]/, 0.36],
  [/[ ()ftr-]/, 0.42],
  [/[mwMW%@]/, 0.98],
  [/[A-Z]/, 0.72],
];

const widthOf = (text: string, size: number) =>
  size *
  [...text].reduce((sum, one) => sum + (WIDTHS.find(([characters]) => characters.test(one))?.[1] ?? 0.64), 0);

setPlatformAPI({
  measureText: (text: string, font = "12px") => ({
    width: widthOf(text, Number.parseFloat(/(\d+(?:\.\d+)?)px/.exec(font)?.[1] ?? "12")),
  }),
});

/** Pixels of the legend. */
const LEGEND = { width: 740, itemGap: 18, itemWidth: 36, fontSize: 12, rowHeight: 30 } as const;
/** Pixels of a chart, without the legend's rows, and with as few of them as most charts have. */
const [PLOT_HEIGHT, LEAST_HEIGHT] = [440, 500];

/** Rows that the legend's items take, one after the other. */
function rowsOfLegend(names: readonly string[]): number {
  let [rows, x] = [1, 0];
  for (const name of names) {
    const width = LEGEND.itemWidth + 5 + widthOf(name, LEGEND.fontSize);
    if (x > 0 && x + width > LEGEND.width) [rows, x] = [rows + 1, 0];
    x += width + LEGEND.itemGap;
  }
  return rows;
}

/** Writes the chart as PATH.svg, and as PATH.png 1600 pixels wide. */
export function writeChart(path: string, { title, xTitle, yTitle, xScale, yScale, lines }: Chart): void {
  const legend = LEGEND.rowHeight * rowsOfLegend(lines.map(({ name }) => name));
  const height = Math.max(LEAST_HEIGHT, PLOT_HEIGHT + legend);
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 800, height });
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(({ x }) => x);
  const x = xScale === "log" ? logAxis(xs) : undefined;
  const y =
    yScale === "log" ? logAxis(points.flatMap((point) => [lowestOf(point, "log"), point.high])) : undefined;
  const place = (value: number) => (value > 0 || !x ? value : x.zeroAt);
  const axis = (log: LogAxis | undefined, name: string, nameGap: number) => ({
    type: log ? ("log" as const) : ("value" as const),
    name,
    nameGap,
    scale: true,
    nameLocation: "middle" as const,
    nameTextStyle: { fontSize: 14, color: "#000" },
    axisLabel: { fontSize: 12, color: "#000", ...(log && { customValues: log.ticks, formatter: log.label }) },
    axisLine: { show: true, lineStyle: { color: "#000" } },
    splitLine: { lineStyle: { color: "#ddd" } },
    ...(log && { min: log.min, max: log.max, axisTick: { customValues: log.ticks } }),
  });
  const styles = stylesOf(lines);
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: COLOURS,
    textStyle: { fontFamily: "DejaVu Sans" },
    title: { text: title, left: "center", top: 10, textStyle: { fontSize: 16, color: "#000" } },
    legend: {
      bottom: 6,
      width: LEGEND.width,
      itemGap: LEGEND.itemGap,
      itemWidth: LEGEND.itemWidth,
      textStyle: { fontSize: LEGEND.fontSize, color: "#000" },
      data: lines.map(({ name }) => name),
    },
    grid: { left: 85, right: 40, top: 50, bottom: 60 + legend },
    xAxis: axis(x, xTitle, 30),
    yAxis: axis(y, yTitle, 60),
    series: lines.flatMap((line, i) => {
      const { colour, symbol, dash } = styles[i]!;
      const isMarked = withSymbols(line.points, xScale ?? "value", i / lines.length);
      return [
        ...(line.points.some(({ low, high }) => high > low)
          ? apart(line.points, x).map((part) => band(part, colour, yScale, place))
          : []),
        {
          type: "line" as const,
          name: line.name,
          symbol,
          symbolSize: 8,
          showAllSymbol: true,
          itemStyle: { color: colour },
          lineStyle: { width: 2, type: dash as "solid" | "dashed" | "dotted" | number[] },
          data: line.points.flatMap((point, j) => {
            const value = { value: [place(point.x), point.y], ...(!isMarked[j] && { symbol: "none" }) };
            // No line between 0 and the others, where it is apart.
            return x && point.x === 0 ? [value, { value: [place(0), Number.NaN] }] : [value];
          }),
        },
      ];
    }),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  writePicture(path, renumbered(svg));
}

/** ECharts counts its classes and clip paths over all charts of a process: what was drawn before must not change a file. */
function renumbered(svg: string): string {
  const names = new Map<string, string>();
  return svg.replaceAll(/\bzr\d+-(cls-|c)\d+\b/g, (name, kind: string) => {
    if (!names.has(name)) names.set(name, `${kind}${names.size}`);
    return names.get(name)!;
  });
}

/** A logarithmic axis: its ends, and what is written on it. */
interface LogAxis {
  readonly min: number;
  readonly max: number;
  /** Where 0 is drawn. */
  readonly zeroAt: number;
  readonly ticks: number[];
  readonly label: (value: number) => string;
}

/** Share of a logarithmic axis that is left free at each end, so that no symbol lies half outside. */
const MARGIN = 0.04;

/** Axis for values of at least 0: 0 stands at half of the tick below the others. Undefined if no value is above 0. */
export function logAxis(values: readonly number[]): LogAxis | undefined {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return undefined;
  const [lowest, highest] = [Math.min(...positive), Math.max(...positive)];
  const within = (mantissas: readonly number[]) => {
    const decades = Math.ceil(Math.log10(highest / lowest)) + 3;
    const first = Math.floor(Math.log10(lowest)) - 1;
    return Array.from({ length: decades }, (_, i) =>
      mantissas.map((mantissa) => Number(`${mantissa}e${first + i}`)),
    ).flat();
  };
  const ratio = highest / lowest;
  const mantissas =
    ratio < 2
      ? [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.7, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9]
      : ratio < 10
        ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
        : [1, 2, 5];
  const fine = within(mantissas);
  const hasZero = positive.length < values.length;
  const start = Math.max(...fine.filter((tick) => tick <= lowest));
  const zeroAt = start / 2;
  const first = hasZero ? zeroAt : lowest;
  // A single value gets a tick on either side.
  const margin = highest > first ? (highest / first) ** MARGIN : 1.25;
  const [min, max] = [first / margin, highest * margin];
  const ticks = (ratio < 1000 ? fine : within([1])).filter(
    (tick) => tick >= (hasZero ? start : min) && tick <= max,
  );
  return {
    min,
    max,
    zeroAt,
    ticks: hasZero ? [zeroAt, ...ticks] : ticks,
    label: (value) =>
      hasZero && value < start ? "0" : value.toLocaleString("en-US", { maximumSignificantDigits: 3 }),
  };
}

/** The points at 0 and the others, where 0 is apart. */
function apart(points: readonly ChartPoint[], x: LogAxis | undefined): (readonly ChartPoint[])[] {
  if (!x) return [points];
  const parts = [points.filter((point) => point.x === 0), points.filter((point) => point.x !== 0)];
  return parts.filter((part) => part.length > 0);
}

/** Writes an SVG as PATH.svg, and as PATH.png 1600 pixels wide. */
export function writePicture(path: string, svg: string): void {
  writeFileSync(`${path}.svg`, svg);
  writeFileSync(`${path}.png`, renderPng(svg));
}

/** An SVG as the bytes of a PNG, 1600 pixels wide if no other width is given. */
export function renderPng(svg: string, width = 1600): Uint8Array {
  const font = { fontFiles: [FONT], loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" };
  return new Resvg(svg, { fitTo: { mode: "width", value: width }, font }).render().asPng();
}

/** Lowest seed; on a logarithmic axis above 0. */
function lowestOf({ y, low }: ChartPoint, yScale: Chart["yScale"]): number {
  return yScale === "log" ? Math.max(low, y / 10) : low;
}

/**
 * Band about a line, from the lowest seed to the highest. Every point's lowest and highest are data of the series, so
 * that a linear axis reaches as far as the band.
 */
function band(
  points: readonly ChartPoint[],
  fill: string,
  yScale: Chart["yScale"],
  place: (x: number) => number,
): CustomSeriesOption {
  return {
    type: "custom",
    silent: true,
    z: 1,
    clip: true,
    data: points.map((point) => [place(point.x), lowestOf(point, yScale), point.high]),
    encode: { x: 0, y: [1, 2] },
    renderItem: ({ dataIndex }, { coord }) => {
      // One polygon for all points.
      if (dataIndex > 0) return null;
      return {
        type: "polygon",
        shape: {
          points: [
            ...points.map((point) => coord!([place(point.x), point.high])),
            ...points.map((point) => coord!([place(point.x), lowestOf(point, yScale)])).reverse(),
          ],
        },
        // A stroke: of one point the band has no width.
        style: { fill, opacity: 0.2, ...(points.length === 1 && { stroke: fill, lineWidth: 4 }) },
      };
    },
  };
}
