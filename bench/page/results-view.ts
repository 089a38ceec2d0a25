import { LineChart } from "echarts/charts";
import {
  AriaComponent,
  GridComponent,
  LegendComponent,
  MarkPointComponent,
  TooltipComponent,
} from "echarts/components";
import { type ECharts, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { chartOption } from "./chart.ts";
import { element, fill, listItems } from "./page.ts";
import { type Report, remarksOf, showCrossing, type Table, tablesOf, toMarkdown } from "./report.ts";

use([
  ...[LineChart, GridComponent, LegendComponent, TooltipComponent, MarkPointComponent],
  ...[AriaComponent, SVGRenderer],
]);

/** Narrower than this, in CSS pixels, the legend stands in a column. */
const NARROW = 560;

/** The part of the page that shows a report. */
export class ResultsView {
  private chart: ECharts | undefined;
  private report: Report | undefined;
  /** The addresses of the files offered, by extension. */
  private readonly files = new Map<string, string>();

  constructor() {
    new ResizeObserver(() => this.draw()).observe(element("chart"));
  }

  show(report: Report): void {
    this.report = report;
    element("results").hidden = false;
    listItems("findings", [...report.crossings.map(showCrossing), ...remarksOf(report)]);
    element("chart").hidden = report.rows.length === 0;
    fill(element("tables"), ...tablesOf(report).map(tableElement));
    fill(
      element("downloads"),
      this.offer("json", "JSON", "application/json", `${JSON.stringify(report, undefined, 2)}\n`),
      this.offer("md", "Markdown", "text/markdown", toMarkdown(report)),
    );
    this.draw();
  }

  /** A link to a file with this text, in place of the last one of its kind. */
  private offer(extension: string, name: string, type: string, text: string): HTMLElement {
    URL.revokeObjectURL(this.files.get(extension) ?? "");
    const href = URL.createObjectURL(new Blob([text], { type }));
    this.files.set(extension, href);
    const link = fill(document.createElement("a"), `Download ${name}`);
    return Object.assign(link, { href, download: `latentflow-benchmark.${extension}`, className: "button" });
  }

  private draw(): void {
    const place = element("chart");
    if (!this.report || this.report.rows.length === 0 || place.clientWidth === 0) return;
    this.chart ??= init(place, null, { renderer: "svg" });
    this.chart.resize();
    this.chart.setOption(chartOption(this.report, place.clientWidth < NARROW), { notMerge: true });
  }
}

function tableElement({ caption, head, body }: Table): HTMLElement {
  const cell = (kind: "th" | "td", text: string) => fill(document.createElement(kind), text);
  const row = (kind: "th" | "td", cells: readonly string[]) =>
    fill(document.createElement("tr"), ...cells.map((text) => cell(kind, text)));
  const headRow = row("th", head);
  for (const title of headRow.children) title.setAttribute("scope", "col");
  const table = fill(
    document.createElement("table"),
    fill(document.createElement("caption"), caption),
    fill(document.createElement("thead"), headRow),
    fill(document.createElement("tbody"), ...body.map((cells) => row("td", cells))),
  );
  const frame = fill(document.createElement("div"), table);
  frame.className = "table";
  // It scrolls on a small screen, which has to be possible with keys, too.
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  return frame;
}
