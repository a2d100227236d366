/** The pools of a pair, and what growing amounts get there: a drawing, and tables of the same. */

import { el, replace, setText } from "./dom.js";
import { grouped, percent, quotient } from "./exact.js";
import { depthDrawing } from "./market_depth.js";
import { venueName } from "./market_pairs.js";
import { scrollingTable } from "./tables.js";

/** Return the panel of a pair's pools: {element, show(answer of /api/market/pools), fail(error)}. */
export function poolsPanel(pair) {
    const body = el("tbody");
    const { token_in: base, token_out: quote } = pair;
    const price = `#Price, ${quote} per ${base}`;
    const pools = scrollingTable("Table of the pools", ["Pool", "Venue", "Kind", "#Fee", price, "#Holds"], body);
    const moment = el("p", { class: "muted small" }, "…");
    const drawing = depthDrawing(pair);
    const depth = el("tbody");
    const depthTable = scrollingTable("Table of the depth", ["Side", "#Amount", price, "#Price impact"], depth);
    const element = el(
        "div",
        { class: "stack pools" },
        el(
            "section",
            { class: "card", "aria-labelledby": "depth-title" },
            el("h2", { id: "depth-title" }, "Depth"),
            el("p", { class: "muted small" }, "What the best route pays for growing amounts, fees paid."),
            drawing.element,
            el("details", {}, el("summary", {}, "Depth as a table"), depthTable),
            moment,
        ),
        el(
            "section",
            { class: "card", "aria-labelledby": "pools-title" },
            el("h2", { id: "pools-title" }, "Pools"),
            pools,
        ),
    );
    const show = (answer) => {
        replace(body, answer.pools.map((pool) => poolRow(pool)));
        const known = { sell: answer.depth?.sell ?? [], buy: answer.depth?.buy ?? [] };
        drawing.show(known);
        replace(
            depth,
            known.sell.map((point) => depthRow(`▼ sell ${base}`, "bad", point)),
            known.buy.map((point) => depthRow(`▲ buy ${base}`, "good", point)),
        );
        setText(moment, `As of slot ${grouped(answer.slot)}`);
    };
    const fail = (error) => setText(moment, `Pools can't be read: ${error.message}.`);
    return { element, show, fail };
}

function poolRow(pool) {
    return el(
        "tr",
        {},
        el("td", {}, pool.pool.split(":").at(-1)),
        el("td", {}, venueName(pool.venue)),
        el("td", {}, pool.kind.replaceAll("_", " ")),
        el("td", { class: "number" }, pool.fee_bps ? `${quotient(pool.fee_bps, "100", 4)} %` : "–"),
        el("td", { class: "number" }, grouped(pool.price)),
        el(
            "td",
            { class: "number" },
            el("div", {}, `${grouped(pool.reserve_a)} ${pool.token_a}`),
            el("div", {}, `${grouped(pool.reserve_b)} ${pool.token_b}`),
        ),
    );
}

function depthRow(side, className, { amount, price, impact, token }) {
    return el(
        "tr",
        {},
        el("td", { class: className }, side),
        el("td", { class: "number" }, token ? `${grouped(amount)} ${token}` : grouped(amount)),
        el("td", { class: "number" }, grouped(price)),
        el("td", { class: "number" }, impact === null || impact === undefined ? "–" : `${percent(impact)} %`),
    );
}
