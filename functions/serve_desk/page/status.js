/** How orders are written and marked, in every view alike. */

import { duration, el } from "./dom.js";
import { grouped } from "./exact.js";

/** The statuses after which nothing more happens to an order. */
export const ENDED = new Set(["confirmed", "failed", "cancelled", "expired"]);
/** The statuses in which an order waits for the market, for its time or for a launch. */
export const RESTING = new Set(["open", "partially_filled"]);

/** How long an order is good, in words. */
export const FORCES = {
    gtc: "till cancelled",
    gtd: "till a date",
    fok: "all at once or nothing (FOK)",
    ioc: "at once, rest cancelled (IOC)",
};

/** Return the text by which orders are sorted as the list has them: the newest has the greatest. */
export function keyOf(order) {
    return `${order.created_at} ${order.order_id}`;
}

/** Return a mark for a status: its word, with a sign and a colour. */
export function statusMark(status) {
    return el("span", { class: "status", "data-status": status }, status.replaceAll("_", " "));
}

/** Return how long each known step of an order took until the next: [{status, at, tookMs}], null for the last. */
export function stepTimes(steps) {
    return steps.map((step, place) => {
        const next = steps[place + 1];
        return { ...step, tookMs: next ? Date.parse(next.at) - Date.parse(step.at) : null };
    });
}

/** Return in words which steps an order has passed and how long each took: "pending 3 ms → routing 1.2 s → …". */
export function stepsInWords(steps) {
    const named = ({ status, tookMs }) => (tookMs === null ? status : `${status} ${duration(tookMs)}`);
    return stepTimes(steps).map(named).join(" → ");
}

/** Return what an order trades, such as "12.5 SOL → USDC". */
export function tradeOf(order) {
    if (order.partial) return "";
    return `${grouped(order.amount)} ${order.token_in} → ${order.token_out ?? "the launch"}`;
}
