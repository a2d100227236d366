/** Own orders of a pair: orders in, their prices as marks of the chart and as rows of a table out. */

import { el, replace, timeOf } from "./dom.js";
import { grouped, quotient } from "./exact.js";
import { ENDED } from "./order_store.js";
import { statusMark } from "./status.js";
import { keepElements, scrollingTable } from "./tables.js";

const MOST_MARKED = 40;
const MOST_LISTED = 50;
const DIGITS_TURNED = 12;
const NONE = "None yet: an order that you place on this pair is marked here and on the chart.";

/**
 * Return what own orders say about a pair, the newest first: [{order, isBuy, kind, price, unit, place, at}].
 *
 * Its `kind` is "fill" or the name of what it waits for; `price` is the string as it was written or paid, in `unit`;
 * `place` is that price on the pair's scale, a decimal string, and `isTurned` where it had to be divided for that.
 */
export function marksOf(orders, pair) {
    const found = [];
    for (const order of orders) {
        if (order.partial || !isOf(order, pair)) continue;
        if (!ENDED.has(order.status)) found.push(...waiting(order, pair));
        const fill = filled(order, pair);
        if (fill) found.push(fill);
    }
    return found.sort((one, other) => (one.at < other.at ? 1 : -1));
}

/** Return the marks as the chart takes them (market_marks.js). */
export function onChart(marks) {
    const lines = marks.filter(({ kind }) => kind !== "fill").slice(0, MOST_MARKED);
    const fills = marks.filter(({ kind }) => kind === "fill");
    return {
        lines: lines.map((mark) => ({
            price: Number(mark.place),
            exactly: mark.isTurned ? null : mark.place,
            text: `${mark.isBuy ? "buy" : "sell"} ${mark.kind}`,
            isBuy: mark.isBuy,
        })),
        fills: fills.map((mark) => ({
            time: Date.parse(mark.at) / 1000,
            price: Number(mark.place),
            text: mark.isBuy ? "bought" : "sold",
            isBuy: mark.isBuy,
        })),
    };
}

/** Return whether an order trades a pair, either way. */
export function isOf({ token_in: sold, token_out: bought }, { token_in: base, token_out: quote }) {
    return (sold === base && bought === quote) || (sold === quote && bought === base);
}

function waiting(order, pair) {
    const prices = [
        ["limit", order.limit_price],
        ["trigger", order.trigger_price],
        ["activation", order.activation_price],
        ["take profit", order.take_profit?.trigger_price],
        ["stop loss", order.stop_loss?.trigger_price],
    ];
    const isInverse = order.price_in === "token_in";
    return prices
        .filter(([, price]) => price)
        .map(([kind, price]) => markOf(order, pair, { kind, price, isInverse, at: order.created_at }));
}

/** An order in slices is filled by the orders that it makes, each of which is one here. */
function filled(order, pair) {
    const price = order.average_price ?? order.execution_price;
    if (!price || order.slices) return null;
    const step = order.steps.findLast(({ status }) => ["confirmed", "partially_filled"].includes(status));
    return markOf(order, pair, { kind: "fill", price, isInverse: false, at: step?.at ?? order.updated_at });
}

function markOf(order, pair, { kind, price, isInverse, at }) {
    const isBuy = order.token_out === pair.token_in;
    const isTurned = isBuy !== isInverse;
    const [sold, bought] = [order.token_in, order.token_out];
    const unit = isInverse ? `${sold} per ${bought}` : `${bought} per ${sold}`;
    const place = isTurned ? quotient("1", price, DIGITS_TURNED) : price;
    return { order, isBuy, kind, price, unit, place, isTurned, at };
}

/** Return the table of marks: {element, show(marks)}. */
export function marksTable() {
    const body = el("tbody");
    const kept = new Map();
    const more = el("p", { class: "muted small", hidden: true });
    const none = el("p", { class: "muted" }, NONE);
    const names = ["What", "#Price", "#Amount", "Status", "Since", "Order"];
    const place = scrollingTable("Table of your orders", names, body, { caption: "Newest first" });
    const title = el("h2", { id: "marks-title" }, "Your orders on this pair");
    const element = el("section", { class: "card", "aria-labelledby": "marks-title" }, title, place, none, more);
    const show = (marks) => {
        none.hidden = marks.length > 0;
        place.hidden = marks.length === 0;
        more.hidden = marks.length <= MOST_LISTED;
        const rows = marks.slice(0, MOST_LISTED).map((mark) => ({ key: keyOf(mark), make: () => rowOf(mark) }));
        keepElements(body, kept, rows);
        const all = el("a", { href: "#orders" }, "all orders");
        replace(more, `${marks.length - MOST_LISTED} older ones are among `, all, ".");
    };
    show([]);
    return { element, show };
}

function keyOf({ order, kind, price, at }) {
    return [order.order_id, order.status, order.amount, kind, price, at].join(" ");
}

function rowOf({ order, isBuy, kind, price, unit, at }) {
    const name = `${order.order_type.replaceAll("_", " ")} …${order.order_id.slice(-6)}`;
    const what = kind === "fill" ? (isBuy ? "▲ bought" : "▼ sold") : `${isBuy ? "▲ buy" : "▼ sell"}: ${kind}`;
    return el(
        "tr",
        {},
        el("td", { class: isBuy ? "good" : "bad" }, what),
        el("td", { class: "number" }, `${grouped(price)} ${unit}`),
        el("td", { class: "number" }, `${grouped(order.amount)} ${order.token_in}`),
        el("td", {}, statusMark(order.status)),
        el("td", {}, timeOf(at)),
        el("td", {}, el("a", { href: `#orders/${order.order_id}` }, name)),
    );
}
