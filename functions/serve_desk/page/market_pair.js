/** One pair: its prices now and their past on a chart, and the same as a table. */

import { el, replace, setText, timeOf } from "./dom.js";
import { grouped } from "./exact.js";
import { priceChart } from "./market_chart.js";
import { DASHES } from "./market_chart_style.js";
import { onChart } from "./market_orders.js";
import { differenceOf, venueName } from "./market_pairs.js";
import { Prices } from "./market_prices.js";
import { keepElements, scrollingTable } from "./tables.js";

const PAST = 600;
const LISTED = 30;
const RANGES = [
    { label: "1 min", seconds: 60 },
    { label: "5 min", seconds: 300 },
    { label: "All", seconds: null },
];
const LINES = ["line-reference", "line-first", "line-second"];

/** The panel of one pair, from when it is chosen until `end()`. */
export class PairPanel {
    #api;
    #pair;
    #prices = new Prices();
    #chart = null;
    #marks = { lines: [], fills: [] };
    #isEnded = false;
    #pointed = null;
    #now = null;
    #parts;
    #ranges = [];
    #rows = new Map();
    #seconds = null;
    #keep;

    constructor(api, pair) {
        this.#api = api;
        this.#pair = pair;
        this.#now = pair;
        this.#parts = this.#build();
        this.element = this.#parts.element;
        this.#legend(pair, null);
    }

    /** Load the chart, and the past of its prices. */
    async start() {
        const loading = priceChart(this.#parts.place, Object.keys(this.#pair.venues));
        const [loaded] = await Promise.allSettled([loading, this.readPast()]);
        const chart = loaded.value;
        if (this.#isEnded) return chart?.remove();
        if (!chart) return this.#say("The chart could not be loaded. The table below has the same prices.");
        this.#chart = chart;
        chart.onPoint((time) => this.#point(time));
        chart.onMoved(() => this.#press(undefined));
        chart.mark(this.#marks);
        chart.keepMarks(this.#keep.checked);
        chart.range(this.#seconds);
        chart.show(this.#prices.points);
    }

    /** Read what has been kept of the pair's prices, at the start and after a gap. */
    async readPast() {
        const { token_in, token_out } = this.#pair;
        try {
            const { points } = await this.#api.get("/api/market/prices", {
                query: { token_in, token_out, limit: String(PAST) },
            });
            this.#prices.take(points);
            this.#say("");
        } catch (error) {
            this.#say(`The past of the prices can't be read: ${error.message}.`);
        }
        this.#chart?.show(this.#prices.points);
        this.#list();
    }

    /** Take a report of the market. */
    take(report) {
        const pair = report.pairs.find(({ pair: name }) => name === this.#pair.pair);
        if (!pair) return;
        this.#now = pair;
        const point = this.#prices.add(pair, report);
        if (point) this.#chart?.add(point);
        if (this.#pointed === null) this.#legend(pair, null);
        this.#list();
    }

    /** Mark own orders (marksOf of market_orders.js). */
    mark(marks) {
        this.#marks = onChart(marks);
        this.#chart?.mark(this.#marks);
    }

    recolour() {
        this.#chart?.recolour();
    }

    end() {
        this.#isEnded = true;
        this.#chart?.remove();
        this.#chart = null;
    }

    #say(trouble) {
        setText(this.#parts.trouble, trouble);
        this.#parts.trouble.hidden = !trouble;
    }

    #build() {
        const { pair, token_in: base, token_out: quote, venues } = this.#pair;
        const names = ["Reference", ...Object.keys(venues).slice(0, LINES.length - 1).map(venueName)];
        const values = names.map(() => el("dd", { class: "number" }));
        const legend = el(
            "dl",
            { class: "legend" },
            names.map((name, at) => el("div", {}, el("dt", {}, sampleOf(at), name), values[at])),
        );
        const difference = el("p", { class: "difference" });
        const moment = el("p", { class: "muted small" });
        const trouble = el("p", { class: "warn", role: "status", hidden: true });
        const label = `Chart of the prices of ${pair}: the table below has them`;
        const place = el("div", { class: "chart", role: "img", "aria-label": label });
        const body = el("tbody");
        const columns = ["Time", ...names.map((name) => `#${name}`)];
        const caption = `The latest ${LISTED}, the newest first`;
        const table = el(
            "details",
            { ontoggle: () => this.#list() },
            el("summary", {}, "These prices as a table"),
            scrollingTable("Table of the prices", columns, body, { caption }),
        );
        const element = el(
            "section",
            { class: "card pair-panel", "aria-labelledby": "pair-title" },
            el(
                "div",
                { class: "pair-head" },
                el("h2", { id: "pair-title" }, pair),
                el("p", { class: "muted" }, `${quote} per ${base}`),
            ),
            legend,
            el("div", { class: "row pair-said" }, difference, moment),
            this.#controls(),
            trouble,
            place,
            table,
        );
        return { element, values, difference, moment, trouble, place, body, table };
    }

    #controls() {
        this.#ranges = RANGES.map(({ label, seconds }) =>
            el(
                "button",
                {
                    type: "button",
                    "aria-pressed": String(seconds === null),
                    onclick: () => {
                        this.#chart?.range(seconds);
                        this.#press(seconds);
                    },
                },
                label,
            ),
        );
        const onchange = () => this.#chart?.keepMarks(this.#keep.checked);
        this.#keep = el("input", { type: "checkbox", id: "keep-marks", checked: true, onchange });
        const choice = el("label", { class: "row small", for: "keep-marks" }, this.#keep, "Keep my orders in sight");
        return el("div", { class: "row controls", role: "group", "aria-label": "Chart" }, this.#ranges, choice);
    }

    #press(seconds) {
        this.#seconds = seconds;
        this.#ranges.forEach((button, at) => {
            button.setAttribute("aria-pressed", String(RANGES[at].seconds === seconds));
        });
    }

    #point(time) {
        this.#pointed = time;
        const point = time === null ? null : this.#prices.nearest(time);
        this.#legend(point ?? this.#now, point ?? null);
    }

    #legend(prices, point) {
        const { values, difference, moment } = this.#parts;
        const shown = [prices.reference, ...Object.keys(this.#pair.venues).map((venue) => prices.venues[venue])];
        values.forEach((value, at) => setText(value, grouped(shown[at])));
        const { words, sign } = differenceOf(prices);
        setText(difference, words);
        difference.dataset.sign = sign;
        if (!point) return replace(moment, "now");
        replace(moment, "at ", timeOf(point.at, { milliseconds: true }), `, slot ${grouped(point.slot)}`);
    }

    #list() {
        if (!this.#parts.table.open) return;
        const newest = this.#prices.points.slice(-LISTED).reverse();
        const venues = Object.keys(this.#pair.venues).slice(0, LINES.length - 1);
        const rows = newest.map((point) => ({ key: point.time, make: () => rowOf(point, venues) }));
        keepElements(this.#parts.body, this.#rows, rows);
    }
}

function rowOf(point, venues) {
    const prices = [point.reference, ...venues.map((venue) => point.venues[venue])];
    return el(
        "tr",
        {},
        el("td", {}, timeOf(point.at, { milliseconds: true })),
        prices.map((price) => el("td", { class: "number" }, grouped(price))),
    );
}

function sampleOf(at) {
    const line = el("line", { x1: 0, y1: 4, x2: 22, y2: 4, class: LINES[at], "stroke-dasharray": DASHES[at] });
    return el("svg", { class: "sample", viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" }, line);
}
