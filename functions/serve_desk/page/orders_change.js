/** Cancels orders, and says what became of that: an order's id in, words out. */

import { ApiError } from "./api.js";
import { ENDED } from "./status.js";

export class Changes {
    #api;
    #orders;
    #say;
    #doing = new Map(); // id → {text, sequence}
    #listeners = new Set();

    /** `say(text, kind)` shows what became of a change; kind is "info" or "error". */
    constructor({ api, orders, say }) {
        this.#api = api;
        this.#orders = orders;
        this.#say = say;
    }

    /** Call `listener(id)` when something begins or ends to be done to an order; returns what ends that. */
    onChange(listener) {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    /** Return what is being done to an order: "cancelling", "cancel requested", or "". */
    doing = (id) => {
        const found = this.#doing.get(id);
        if (!found) return "";
        const order = this.#orders.get(id);
        // What was requested lasts until the order has taken its next step.
        const isAtIt = order?.sequence === found.sequence && !ENDED.has(order.status);
        if (found.sequence === null || isAtIt) return found.text;
        this.#doing.delete(id);
        return "";
    };

    /** Cancel an order; what came of it is said, and shown by the order. */
    async cancel(id) {
        if (this.doing(id)) return;
        this.#set(id, { text: "cancelling…", sequence: null });
        const sequence = this.#orders.get(id)?.sequence ?? "";
        let after = null;
        try {
            const { cancel } = await this.#api.delete(`/api/orders/${encodeURIComponent(id)}`);
            if (cancel) after = { text: "requested", sequence };
            this.#say(cancel ? REQUESTED : `Order ${shortId(id)} is cancelled.`, "info");
        } catch (error) {
            this.#say(refusal("cancelled", id, error), "error");
        }
        this.#set(id, after);
        this.readAgain(id);
    }

    /** Read an order of which an answer has said something new. */
    readAgain(id) {
        this.#orders.read(id).catch(() => {});
    }

    #set(id, doing) {
        if (doing) this.#doing.set(id, doing);
        else this.#doing.delete(id);
        this.#listeners.forEach((listener) => listener(id));
    }
}

const REQUESTED = "The cancel is requested: a transaction of it is out, and it is cancelled if that is refused.";

/** Return the end of an id, which differs where the beginnings of neighbours are the same. */
export function shortId(id) {
    return `…${id.slice(-8)}`;
}

/** Return why an order could not be changed, in words: of one that has gone on, what it has become. */
export function refusal(what, id, error) {
    if (!(error instanceof ApiError)) return `Order ${shortId(id)} can't be ${what}: ${error.message}`;
    const { status, orderStatus, message } = error;
    if (status === 0) return `The engine does not answer: it is not known whether order ${shortId(id)} is ${what}.`;
    const hasEnded = orderStatus && ENDED.has(orderStatus);
    const why = hasEnded ? `it is ${orderStatus} by now` : message.replace(id, shortId(id));
    return `Order ${shortId(id)} can't be ${what}: ${why}.`;
}
