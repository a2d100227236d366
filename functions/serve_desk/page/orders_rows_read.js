/**
 * Reads what the list does not have of the orders that are seen: their steps, once, and how far those that rest are
 * from what they wait for, again and again. Gently: a few a second, and none while the page is hidden.
 */

import { hasSteps } from "./orders_steps.js";
import { RESTING } from "./status.js";

const TICK_MS = 250;
const RESTING_MS = 4_000;
const STEPS_MS = 2_000;
/** An order with so many steps is read more seldom, for its details have them all. */
const LONG = 400;
const LONG_MS = 60_000;
const AFTER_FAILURE_MS = 3_000;

/** Begin to read what `seen()` returns the ids of, while `isLive()`; returns what ends that. */
export function readRows({ orders, seen, isLive }) {
    const readAt = new Map();
    let waitUntil = 0;
    let isReading = false;
    const tick = async () => {
        const now = performance.now();
        if (isReading || document.hidden || now < waitUntil || !isLive()) return;
        const id = nextOf(seen(), orders, readAt, now);
        if (id === undefined) return;
        isReading = true;
        readAt.delete(id);
        readAt.set(id, now);
        if (readAt.size > 1_000) readAt.delete(readAt.keys().next().value);
        try {
            await orders.read(id);
        } catch (error) {
            waitUntil = performance.now() + (error.retryAfterMs ?? AFTER_FAILURE_MS);
        } finally {
            isReading = false;
        }
    };
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
}

/** Return which order is read next: one that lacks steps before others, else that which was read longest ago. */
function nextOf(ids, orders, readAt, now) {
    let next;
    for (const id of ids) {
        const order = orders.get(id);
        if (!order || order.partial) continue;
        const at = readAt.get(id) ?? -Infinity;
        const lacks = !hasSteps(order) && now - at > (Number(order.sequence) > LONG ? LONG_MS : STEPS_MS);
        if (lacks) return id;
        const pause = Number(order.sequence) > LONG ? LONG_MS : RESTING_MS;
        if (!RESTING.has(order.status) || now - at < pause) continue;
        if (next === undefined || at < next.at) next = { id, at };
    }
    return next?.id;
}
