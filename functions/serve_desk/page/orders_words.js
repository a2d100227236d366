/** What the table and the drawer say of an order: its summary in, texts with exact numbers out. */

import { compare, grouped, multiply, percent } from "./exact.js";
import { ENDED, RESTING } from "./status.js";

/** Return the name of an order's type. */
export function typeOf(order) {
    return order.order_type?.replaceAll("_", " ") ?? "";
}

/** Return what an order trades in two parts, {amount, tokens}, as the table writes them. */
export function tradeParts(order) {
    if (order.partial) return { amount: "…", tokens: "" };
    return { amount: grouped(order.amount), tokens: `${order.token_in} → ${order.token_out ?? "next launch"}` };
}

/** Return what the prices of an order count, such as "USDC per SOL". */
export function priceUnit(order) {
    const { token_in: sold, token_out: bought } = order;
    return order.price_in === "token_in" ? `${sold} per ${bought}` : `${bought} per ${sold}`;
}

/** Return what the price of an execution counts, which is always what was received for each that was sold. */
export function executionUnit({ token_in: sold, token_out: bought }) {
    return `${bought} per ${sold}`;
}

/** Return basis points in per cent, such as "1.25 %". */
export function percentOfBps(bps) {
    return `${multiply(bps, "0.01")} %`;
}

function priceFrom(order, price) {
    return `${order.price_in === "token_in" ? "≤" : "≥"} ${grouped(price)}`;
}

function priceTo(order, price) {
    return `${order.price_in === "token_in" ? "≥" : "≤"} ${grouped(price)}`;
}

const WAITS_FOR = {
    limit: (order) => {
        return order.limit_price ? priceFrom(order, order.limit_price) : `out ≥ ${grouped(order.min_amount_out)}`;
    },
    take_profit: (order) => priceFrom(order, order.trigger_price),
    stop_loss: (order) => priceTo(order, order.trigger_price),
    trailing_stop: (order) => `trails ${percentOfBps(order.trail_bps)}`,
    oco: (order) => {
        const { take_profit: profit, stop_loss: loss } = order;
        return `${priceFrom(order, profit.trigger_price)} or ${priceTo(order, loss.trigger_price)}`;
    },
    twap: (order) => `${order.slices} slices, ${order.interval} s`,
    sniper: (order) => `priority ${order.priority}`,
};

/** Return the price at which an order was executed, or else the one, or what else, it waits for; "" without one. */
export function priceOf(order) {
    if (order.execution_price) return grouped(order.execution_price);
    if (ENDED.has(order.status) && order.status !== "confirmed" && order.order_type === "market") return "–";
    return WAITS_FOR[order.order_type]?.(order) ?? "";
}

/** Return what the price in the table is and counts, in words. */
export function priceTitle(order) {
    if (order.partial || !order.token_out) return "";
    if (order.execution_price) return `executed at ${grouped(order.execution_price)} ${executionUnit(order)}`;
    return order.order_type === "market" ? "" : `waits for ${priceOf(order)}, in ${priceUnit(order)}`;
}

/** Return how much of an order is executed, such as "5 of 12.5". */
export function filledOf(order) {
    if (order.partial) return "";
    if (!order.amount_filled || compare(order.amount_filled, "0") === 0) return "0";
    if (order.amount_filled === order.amount) return grouped(order.amount);
    return `${grouped(order.amount_filled)} of ${grouped(order.amount)}`;
}

/** Return how far an order is from what it waits for, such as "1.25 %"; "" where that is not known. */
export function distanceOf({ resting }) {
    const bps = resting?.distance_bps;
    if (bps === null || bps === undefined) return "";
    return compare(bps, "0") > 0 ? percentOfBps(bps) : "there";
}

/** Return what there is to say of an order beside its status: what it waits for, or why it ended so. */
export function noteOf(order) {
    if (RESTING.has(order.status)) return distanceOf(order) || order.resting?.why || order.reason || "";
    return order.reason ?? "";
}

/** Return the note with all that is known of it. */
export function noteTitle(order) {
    if (!RESTING.has(order.status)) return order.reason ?? "";
    const distance = distanceOf(order);
    const { why, last_attempt: last } = order.resting ?? {};
    return [distance.endsWith("%") ? `${distance} to go` : distance, why, last].filter(Boolean).join(" · ");
}

/** Return a maximal slippage, which the API has as a fraction, in per cent. */
export function slippageOf(order) {
    return order.max_slippage ? `${percent(order.max_slippage)} %` : "–";
}
