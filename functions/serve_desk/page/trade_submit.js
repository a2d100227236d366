/** Places orders: a body in, the engine's answer out, at most one order however often it has to be sent. */

import { ApiError, api } from "./api.js";
import { duration } from "./dom.js";
import { sent } from "./trade_state.js";

/**
 * Place an order; returns its answer. Throws ApiError.
 *
 * Each order has a key of its own. One of which no answer came keeps it (`sent.unanswered`), so that the same order
 * sent again is that order. One with a client_order_id is known by that.
 */
export async function place(body, title) {
    const written = JSON.stringify(body);
    const before = sent.unanswered?.written === written ? sent.unanswered : null;
    const order = before ?? { body, written, title, key: newKey() };
    try {
        const headers = body.client_order_id ? {} : { "Idempotency-Key": order.key };
        const answer = await api.post("/api/orders/execute", { body, headers });
        forget(order);
        return answer;
    } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (isUnknown(error)) sent.unanswered = order;
        else forget(order);
        throw error;
    }
}

/** Whether it can't be known from an answer, or from none, that there is no such order. */
export function isUnknown({ status }) {
    return status === 0 || status >= 500;
}

function forget(order) {
    if (sent.unanswered?.key === order.key) sent.unanswered = null;
}

// Not crypto.randomUUID, which a page that came over plain HTTP from another machine does not have.
function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return `desk-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Return in words why an order was not placed; `others` are the rules that it breaks at no field of the ticket. */
export function whyNot(error, others) {
    const later = error.retryAfterMs ? ` Again in ${duration(error.retryAfterMs)}.` : "";
    const again = "The order is still here: place it again, and it is not placed twice.";
    if (error.status === 0) return "No answer came, so the order may have been placed or not.";
    if (error.status === 401) return `This needs a key that is accepted: ${error.message}. Nothing was placed.`;
    if (error.status === 403) return `This key may not place orders: ${error.message}. Nothing was placed.`;
    if (error.status === 429) return `Too many for this account: ${error.message}. Nothing was placed.${later}`;
    if (error.status === 503 && error.limit)
        return `The engine carries no more right now (${error.limit}). ${again}`;
    if (error.status >= 500) return `${capital(error.message)}. ${again}`;
    if (error.errors.length && !others.length) return "Some fields need another look.";
    return `${capital(others.join("; ") || error.message)}.`;
}

function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}
