/**
 * The account's orders that this page knows: pages of the list and events of the channel in, changes out, all those of
 * one animation frame together.
 *
 * An order is the summary of GET /api/orders with `steps` besides: the latest of its steps that are known, at most 40,
 * as [{status, at, sequence}] in their order; and `resting`, of an order that rests, once its details were read. One of
 * which only an event has come is `partial`: it has order_id, status, sequence, created_at, updated_at and steps, until
 * more is read.
 */

import { api } from "./api.js";
import { OrderReading } from "./order_reading.js";
import { session } from "./session.js";
import { socket } from "./socket.js";
import { ENDED, RESTING, keyOf } from "./status.js";

const MOST_KEPT = 20_000;
const MOST_STEPS = 40;
const PAGE = 200;

export { ENDED };

/** What an event says of the order that it is of, beside the step. */
const OF_EVENT = ["execution_price", "tx_hash", "reason"];

class OrderStore {
    #orders = new Map();
    #listeners = new Set();
    #changed = new Set();
    #scheduled = false;
    #isOn = false;
    #scope = new AbortController();
    #reading = new OrderReading(this);

    /** The key of the newest order that was dropped for want of room, "" while none was. */
    cut = "";

    /** Begin to follow the account's orders; again for nothing. */
    start() {
        if (this.#isOn) return;
        this.#isOn = true;
        socket.follow("orders", (frame) => this.#take(frame));
        session.onChange(() => this.#forget());
        if (session.isOpen) this.load().catch(() => {});
    }

    /** Call `listener(changed)` with the set of ids that have changed, once a frame; returns what ends that. */
    onChange(listener) {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    get(id) {
        return this.#orders.get(id);
    }

    /** All orders, in no order. */
    all() {
        return [...this.#orders.values()];
    }

    /** Whether no more old orders can be read back without others being dropped. */
    get isFull() {
        return this.#orders.size > MOST_KEPT - PAGE;
    }

    /** Read the newest orders, and all that are open, again. Failures are for the connection's state to show. */
    refresh() {
        return this.#reading.refresh();
    }

    /**
     * Read a page of the list, by its filters and cursor; returns {orders, nextCursor}. Throws ApiError, and AbortError
     * where the key has changed meanwhile: another account's orders are never taken.
     */
    async load(query = {}) {
        const asked = { query: { limit: String(PAGE), ...query }, signal: this.#scope.signal };
        const page = await api.get("/api/orders", asked);
        for (const summary of page.orders) this.put(summary);
        return {
            orders: page.orders.map((summary) => this.#orders.get(summary.order_id) ?? summary),
            nextCursor: page.next_cursor,
        };
    }

    /** Read an order; returns all of its details, with its route, fills and history. Throws as `load` does. */
    async read(id) {
        const details = await api.get(`/api/orders/${encodeURIComponent(id)}`, { signal: this.#scope.signal });
        this.put(details);
        return details;
    }

    /** Take an order's summary, or its details, whose `history` becomes its steps, unless a newer one is known. */
    put({ history, route, fills, ...summary }) {
        this.#reading.got(summary, history !== undefined);
        const known = this.#orders.get(summary.order_id);
        const steps = withSteps(known?.steps ?? [], history ?? []);
        const isOlder = known && !known.partial && Number(known.sequence) > Number(summary.sequence);
        const isSame = known?.summarized === summary.sequence && !("resting" in summary);
        if ((isOlder || isSame) && steps === known.steps) return;
        this.#keep(isOlder || isSame ? { ...known, steps } : merged(known, summary, steps));
    }

    #take(frame) {
        // What happened before the subscription began comes by the list alone.
        if (frame.gap || (frame.subscribed && frame.latest === undefined)) this.#reading.refresh({ again: true });
        if (!frame.event) return;
        const { event } = frame;
        const known = this.#orders.get(event.order_id);
        const order = known
            ? { ...known }
            : { order_id: event.order_id, partial: true, steps: [], sequence: "0", created_at: event.timestamp };
        order.steps = withSteps(order.steps, [event]);
        if (Number(event.sequence) > Number(order.sequence)) {
            Object.assign(order, { status: event.status, sequence: event.sequence, updated_at: event.timestamp });
            for (const name of OF_EVENT) order[name] = event[name];
            if (!RESTING.has(event.status)) order.resting = null;
            if (order.order_type === "market" && event.status === "confirmed") fillWhole(order);
        }
        this.#keep(order);
        if (order.partial || saysTooLittle(order, event)) this.#reading.want(event.order_id, event.sequence);
    }

    #keep(order) {
        order.heardAt = performance.now();
        this.#orders.set(order.order_id, order);
        if (this.#orders.size > MOST_KEPT) this.#dropOldest();
        this.#note(order.order_id);
    }

    #note(id) {
        this.#changed.add(id);
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => this.#publish());
    }

    #publish() {
        const changed = this.#changed;
        this.#changed = new Set();
        this.#scheduled = false;
        this.#listeners.forEach((listener) => listener(changed));
    }

    /** Drop a tenth of what is kept: those orders that have ended and were made longest ago. */
    #dropOldest() {
        const ended = this.all().filter((order) => ENDED.has(order.status));
        const keys = new Map(ended.map((order) => [order, keyOf(order)]));
        ended.sort((one, other) => (keys.get(one) < keys.get(other) ? -1 : 1));
        for (const order of ended.slice(0, MOST_KEPT / 10)) {
            this.#orders.delete(order.order_id);
            this.#note(order.order_id);
            if (keys.get(order) > this.cut) this.cut = keys.get(order);
        }
    }

    /** Begin anew for another account: also what was asked for the one before does not count any more. */
    #forget() {
        this.#scope.abort();
        this.#scope = new AbortController();
        this.#reading.forget();
        for (const id of this.#orders.keys()) this.#changed.add(id);
        this.#orders.clear();
        this.cut = "";
        this.#publish();
        if (session.isOpen) this.load().catch(() => {});
    }
}

/** Return an order with a summary of it that is as new as what is known, or that has what is not known of it. */
function merged(known, summary, steps) {
    const order = { resting: null, ...known, ...summary, partial: false, steps, summarized: summary.sequence };
    if (known && Number(known.sequence) > Number(summary.sequence)) {
        for (const name of ["status", "sequence", "updated_at", ...OF_EVENT]) order[name] = known[name];
    }
    if (!RESTING.has(order.status)) order.resting = null;
    return order;
}

/** Return steps with those of further events: the same array where they are known. */
function withSteps(steps, events) {
    const known = new Set(steps.map((step) => step.sequence));
    const added = events.slice(-MOST_STEPS).filter(({ sequence }) => !known.has(sequence));
    if (!added.length) return steps;
    const all = [...steps, ...added.map(({ status, timestamp, sequence }) => ({ status, at: timestamp, sequence }))];
    all.sort((one, other) => Number(one.sequence) - Number(other.sequence));
    // An old step that was dropped and comes again is dropped again.
    return all.length > MOST_STEPS ? all.slice(-MOST_STEPS) : all;
}

/** A market order is executed whole or not at all, so its end says all of it. */
function fillWhole(order) {
    order.amount_filled = order.amount;
    order.amount_remaining = "0";
    order.average_price = order.execution_price;
}

/** Return whether an event leaves open what is filled of its order, or, after an amendment, what that asks for. */
function saysTooLittle(order, { status, sequence }) {
    if (order.order_type === "market" || order.summarized === sequence) return false;
    return ENDED.has(status) || status === "triggered" || RESTING.has(status);
}

export const orders = new OrderStore();
