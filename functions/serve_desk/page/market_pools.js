/** The pools of a pair, and what growing amounts get there: a drawing, and tables of the same. */

import { el, replace, setText } from "./dom.js";
import { fromAtoms, grouped, percent, quotient } from "./exact.js";
import { depthDrawing } from "./market_depth.js";
import { programName } from "./market_pairs.js";
import { scrollingTable } from "./tables.js";

/**
 * Return the panel of a pair's pools: {element, show(answer of /api/market/pools), fail(error)}. `tokens` is a promise
 * of the tokens that are listed.
 */
export function poolsPanel(pair, tokens) {
    const body = el("tbody");
    const { token_in: base, token_out: quote } = pair;
    const price = `#Price, ${quote} per ${base}`;
    const pools = scrollingTable("Table of the pools", ["Pool", "#Fee", price, "#Holds"], body);
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
    const show = async (answer) => {
        const decimals = Object.fromEntries((await tokens).map((token) => [token.symbol, token.decimals]));
        replace(body, answer.pools.map((pool) => poolRow(pool, decimals)));
        drawing.show(answer.depth);
        replace(
            depth,
            answer.depth.sell.map((point) => depthRow("▼ sell", "bad", base, point)),
            answer.depth.buy.map((point) => depthRow("▲ buy", "good", base, point)),
        );
        setText(moment, `As of slot ${grouped(answer.slot)}`);
    };
    const fail = (error) => setText(moment, `Pools can't be read: ${error.message}.`);
    return { element, show, fail };
}

function poolRow({ pool, kind, fee_bps: fee, price, ...held }, decimals) {
    const holds = ({ token, reserve }) =>
        el("div", {}, token in decimals ? `${grouped(fromAtoms(reserve, decimals[token]))} ${token}` : `… ${token}`);
    return el(
        "tr",
        {},
        el("th", { scope: "row" }, programName(kind), el("div", { class: "muted small" }, pool)),
        el("td", { class: "number" }, fee === null ? "empty" : `${quotient(fee, "100", 6)} %`),
        el("td", { class: "number" }, grouped(price)),
        el(
            "td",
            { class: "number" },
            holds({ token: held.token_a, reserve: held.reserve_a }),
            holds({ token: held.token_b, reserve: held.reserve_b }),
        ),
    );
}

function depthRow(side, className, token, { amount, price, impact }) {
    return el(
        "tr",
        {},
        el("td", { class: className }, side),
        el("td", { class: "number" }, `${grouped(amount)} ${token}`),
        el("td", { class: "number" }, grouped(price)),
        el("td", { class: "number" }, `${percent(impact)} %`),
    );
}
