/**
 * The account's orders that this page knows: pages of the list and events of the channel in, changes out, all those of
 * one animation frame together.
 *
 * An order is the summary of GET /api/orders with `steps` besides: [{status, at, sequence}], in their order, those that
 * are known. One of which only an event has come is `partial`: it has order_id, status, sequence, created_at,
 * updated_at and steps, until the list has it.
 */

import { api } from "./api.js";
import { session } from "./session.js";
import { socket } from "./socket.js";

const MOST_KEPT = 5_000;
const FILL_MS = 700;
const PAGE = 200;

/** The statuses after which nothing more happens to an order. */
export const ENDED = new Set(["confirmed", "failed", "cancelled", "expired"]);

class OrderStore {
    #orders = new Map();
    #listeners = new Set();
    #changed = new Set();
    #scheduled = false;
    #fill = null;
    #isOn = false;

    /** Begin to follow the account's orders; again for nothing. */
    start() {
        if (this.#isOn) return;
        this.#isOn = true;
        socket.follow("orders", (frame) => this.#take(frame));
        session.onChange(() => this.#forget());
        if (session.isOpen) this.refresh();
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

    /** Read the newest orders, and all that are open, again. Failures are for the connection's state to show. */
    async refresh() {
        await Promise.allSettled([this.load(), this.load({ open: "true" })]);
    }

    /** Read a page of the list, by its filters and cursor; returns {orders, nextCursor}. Throws ApiError. */
    async load(query = {}) {
        const page = await api.get("/api/orders", { query: { limit: String(PAGE), ...query } });
        for (const summary of page.orders) this.put(summary);
        return { orders: page.orders.map(({ order_id: id }) => this.#orders.get(id)), nextCursor: page.next_cursor };
    }

    /** Take an order's summary, or its details, whose `history` becomes its steps; an older one than is known is not. */
    put(summary) {
        const known = this.#orders.get(summary.order_id);
        const steps = known?.steps ?? [];
        const isOlder = known && !known.partial && Number(known.sequence) > Number(summary.sequence);
        const order = isOlder ? known : { ...known, ...summary, partial: false, steps };
        if (known && Number(known.sequence) > Number(order.sequence)) {
            Object.assign(order, { status: known.status, sequence: known.sequence, updated_at: known.updated_at });
        }
        for (const event of summary.history ?? []) this.#step(order, event);
        this.#keep(order);
    }

    #take(frame) {
        if (frame.gap) this.refresh();
        if (!frame.event) return;
        const { event } = frame;
        const known = this.#orders.get(event.order_id);
        const order = known ? { ...known } : { order_id: event.order_id, partial: true, steps: [], sequence: "0" };
        if (!known) order.created_at = event.timestamp;
        this.#step(order, event);
        if (Number(event.sequence) > Number(order.sequence)) {
            order.status = event.status;
            order.sequence = event.sequence;
            order.updated_at = event.timestamp;
            for (const name of ["execution_price", "tx_hash", "reason"]) order[name] = event[name];
        }
        this.#keep(order);
        if (order.partial || (ENDED.has(event.status) && !("amount_filled" in event))) this.#fillSoon();
    }

    #step(order, { status, timestamp, sequence }) {
        if (order.steps.some((step) => step.sequence === sequence)) return;
        const steps = [...order.steps, { status, at: timestamp, sequence }];
        order.steps = steps.sort((one, other) => Number(one.sequence) - Number(other.sequence));
    }

    /** Read what is only known in part, all of it at once: by the list, which has the newest as soon as the ledger has. */
    #fillSoon() {
        this.#fill ??= setTimeout(async () => {
            this.#fill = null;
            await Promise.allSettled([this.load()]);
            const missing = this.all().filter((order) => order.partial);
            if (!missing.length) return;
            for (const order of missing.slice(0, 5)) {
                await api.get(`/api/orders/${order.order_id}`).then((found) => this.put(found), () => {});
            }
            if (missing.length > 5) this.#fillSoon();
        }, FILL_MS);
    }

    #keep(order) {
        this.#orders.set(order.order_id, order);
        this.#changed.add(order.order_id);
        if (this.#orders.size > MOST_KEPT) this.#dropOldest();
        if (this.#scheduled) return;
        this.#scheduled = true;
        requestAnimationFrame(() => {
            const changed = this.#changed;
            this.#changed = new Set();
            this.#scheduled = false;
            this.#listeners.forEach((listener) => listener(changed));
        });
    }

    /** Drop a tenth of the orders that have ended, those first that did so longest ago. */
    #dropOldest() {
        const ended = this.all().filter((order) => ENDED.has(order.status));
        ended.sort((one, other) => (one.updated_at < other.updated_at ? -1 : 1));
        for (const order of ended.slice(0, MOST_KEPT / 10)) {
            this.#orders.delete(order.order_id);
            this.#changed.add(order.order_id);
        }
    }

    #forget() {
        for (const id of this.#orders.keys()) this.#changed.add(id);
        this.#orders.clear();
        this.#listeners.forEach((listener) => listener(this.#changed));
        this.#changed = new Set();
        if (session.isOpen) this.refresh();
    }
}

export const orders = new OrderStore();
