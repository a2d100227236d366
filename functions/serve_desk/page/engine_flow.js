/** Orders per second and latencies of the last two minutes: reports in, two small line drawings out. */

import { el, setText } from "./dom.js";
import { grouped } from "./exact.js";
import { lineDrawing } from "./lines.js";

const KEPT_MS = 120_000;
/** Reports come each second: where none came for longer, nothing is known. */
const GAP_MS = 3_500;
/** What came lately, for as long as this page is open: [{x: ms, placed, ended, p50, p90, p99}], strings or null. */
const recent = [];

const CHARTS = [
    {
        title: "Orders per second",
        unit: "/s",
        lines: [
            { name: "placed", label: "placed", className: "" },
            { name: "ended", label: "ended", className: "second" },
        ],
    },
    {
        title: "Latency of market orders, from POST to end",
        unit: " ms",
        lines: [
            { name: "p50", label: "median", className: "" },
            { name: "p90", label: "90th percentile", className: "second" },
            { name: "p99", label: "99th percentile", className: "third" },
        ],
    },
];

/** Return the drawings: {element, show(report)}. */
export function flowCharts() {
    const charts = CHARTS.map(flowChart);
    const element = el("div", { class: "engine-halves" }, charts.map((chart) => chart.element));
    const show = (report) => {
        const { placed = null, ended = null } = report.orders_per_second ?? {};
        const { p50 = null, p90 = null, p99 = null, count = "0" } = report.latency_ms ?? {};
        const now = Date.parse(report.at);
        if (!recent.length || recent.at(-1).x < now) recent.push({ x: now, placed, ended, p50, p90, p99 });
        while (recent[0].x < now - KEPT_MS) recent.shift();
        const counted = `of ${grouped(count)} ${count === "1" ? "order" : "orders"} that ended in the last minute`;
        charts.forEach((chart, at) => chart.show(now, at === 1 ? counted : ""));
    };
    return { element, show };
}

function flowChart({ title, unit, lines }) {
    const drawing = lineDrawing(lines.map(({ className }) => className), { className: "flow-lines" });
    const values = lines.map(() => el("span", { class: "number" }, "–"));
    const legend = lines.map(({ label, className }, at) => [
        el("dt", { class: `kind ${className}` }, label),
        el("dd", {}, values[at], el("span", { class: "unit" }, unit)),
    ]);
    const top = el("span", { class: "top muted small" });
    const more = el("p", { class: "muted small" });
    const element = el(
        "section",
        { class: "card flow" },
        el("h2", {}, title),
        el("dl", { class: "flow-legend" }, legend.map((pair) => el("div", {}, pair))),
        el("div", { class: "flow-place" }, top, drawing.element),
        el("div", { class: "edges muted small" }, el("span", {}, "2 min ago"), el("span", {}, "now")),
        more,
    );
    const show = (now, said) => {
        const last = recent.at(-1);
        lines.forEach(({ name }, at) => setText(values[at], grouped(last[name])));
        const highest = recent.flatMap((point) => lines.map(({ name }) => point[name])).reduce(higher, null);
        setText(top, highest === null ? "" : `highest ${grouped(highest)}${unit}`);
        setText(more, said);
        const series = lines.map(({ name }) =>
            recent.filter((point) => point[name] !== null).map((point) => ({ x: point.x, y: Number(point[name]) })),
        );
        const box = { left: now - KEPT_MS, right: now, bottom: 0, top: Number(highest ?? 1) * 1.05 || 1, gap: GAP_MS };
        drawing.show(series, box);
    };
    return { element, show };
}

function higher(one, other) {
    if (one === null || other === null) return one ?? other;
    return Number(other) > Number(one) ? other : one;
}
