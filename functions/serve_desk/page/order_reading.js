/** Reads what events leave open about orders, and all of them anew after a gap: gently, and of one account only. */

import { ApiError } from "./api.js";
import { ENDED, RESTING, keyOf } from "./status.js";

const SOON_MS = 700;
const AFTER_FAILURE_MS = 2_000;
/** So many are read one by one, which is surer than the list: that has what the ledger has by then. */
const ONE_BY_ONE = 5;
const MOST_PAGES = 5;
const MOST_OPEN_PAGES = 100;
const MOST_ATTEMPTS = 5;
/** The ledger may be so far behind the events. */
const LEDGER_MS = 5_000;
const WATCH_MS = 10_000;
/** An order under way takes its next step sooner; one that does not may have, unheard. */
const QUIET_MS = 20_000;
const MOST_QUIET = 20;

export class OrderReading {
    #store;
    #wanted = new Map(); // id → the sequence that its summary has to have
    #round = null;
    #refreshing = null;
    #isAsked = false;
    #later = null;
    #generation = 0;

    constructor(store) {
        this.#store = store;
        setInterval(() => this.#lookForQuiet(), WATCH_MS);
    }

    /** Have an order read soon: a summary of this sequence or a later one will do, or its details. */
    want(id, sequence) {
        this.#wanted.set(id, Number(sequence));
        this.#soon(SOON_MS);
    }

    /** Note that a summary has come, or all details, which are as new as can be. */
    got({ order_id: id, sequence }, isAll) {
        if (isAll || this.#wanted.get(id) <= Number(sequence)) this.#wanted.delete(id);
    }

    /** Drop all that is wanted: it is of an account that is not shown any more. */
    forget() {
        this.#generation += 1;
        this.#wanted.clear();
        clearTimeout(this.#round);
        clearTimeout(this.#later);
        this.#round = this.#refreshing = null;
        this.#isAsked = false;
    }

    /** Read the newest orders and all open ones; with `again` once more when the ledger has surely caught up. */
    refresh({ again = false } = {}) {
        if (again) {
            clearTimeout(this.#later);
            this.#later = setTimeout(() => this.refresh(), LEDGER_MS);
        }
        this.#isAsked = true;
        this.#refreshing ??= this.#refresh(this.#generation);
        return this.#refreshing;
    }

    async #refresh(generation) {
        while (this.#isAsked && generation === this.#generation) {
            this.#isAsked = false;
            await Promise.allSettled([this.#store.load(), this.#readOpen(generation)]);
        }
        if (generation === this.#generation) this.#refreshing = null;
    }

    /** Read every page of the open orders; what was open, and is not among them, has ended unheard. */
    async #readOpen(generation) {
        const before = this.#store.all().filter(({ status }) => !ENDED.has(status));
        const found = new Set();
        let cursor = "";
        for (let page = 0; page < MOST_OPEN_PAGES && cursor !== null; page += 1) {
            const { orders, nextCursor } = await this.#patiently({ open: "true", cursor });
            for (const order of orders) found.add(order.order_id);
            cursor = nextCursor;
        }
        if (generation !== this.#generation) return;
        for (const { order_id: id, sequence } of before) {
            if (!found.has(id) && this.#store.get(id)?.sequence === sequence) this.want(id, Infinity);
        }
    }

    /** Load a page, again after the time that the account's limits ask for. */
    async #patiently(query) {
        for (let attempt = 1; ; attempt += 1) {
            try {
                return await this.#store.load(query);
            } catch (error) {
                if (!error.retryAfterMs || attempt === MOST_ATTEMPTS) throw error;
                await new Promise((done) => setTimeout(done, error.retryAfterMs));
            }
        }
    }

    #soon(ms) {
        if (!this.#wanted.size) return;
        const generation = this.#generation;
        this.#round ??= setTimeout(async () => {
            const failure = await this.#readWanted().then(() => null, (error) => error);
            if (generation !== this.#generation) return;
            this.#round = null;
            this.#soon(failure ? failure.retryAfterMs ?? AFTER_FAILURE_MS : SOON_MS);
        }, ms);
    }

    async #readWanted() {
        if (this.#wanted.size > ONE_BY_ONE) await this.#readPages();
        for (const id of [...this.#wanted.keys()].slice(0, ONE_BY_ONE)) {
            try {
                await this.#store.read(id);
            } catch (error) {
                if (!(error instanceof ApiError) || error.status !== 404) throw error;
                this.#wanted.delete(id);
            }
        }
    }

    /** Read the list from the newest on, as long as it has more of what is wanted than is read one by one. */
    async #readPages() {
        let cursor = "";
        for (let page = 0; page < MOST_PAGES && cursor !== null; page += 1) {
            const { orders, nextCursor } = await this.#store.load({ cursor });
            cursor = nextCursor;
            const end = orders.length ? keyOf(orders.at(-1)) : "";
            const older = [...this.#wanted.keys()].filter((id) => keyOf(this.#store.get(id) ?? {}) < end);
            if (older.length <= ONE_BY_ONE) return;
        }
    }

    /** Read those under way of which nothing was heard for long: a step may have come before its subscription. */
    #lookForQuiet() {
        if (document.hidden) return;
        const before = performance.now() - QUIET_MS;
        const quiet = this.#store.all().filter(
            ({ status, heardAt }) => heardAt < before && !ENDED.has(status) && !RESTING.has(status),
        );
        for (const { order_id: id } of quiet.slice(0, MOST_QUIET)) this.want(id, Infinity);
    }
}
