/** Which orders the table shows, the newest first: kept in their order while they come, change and go. */

import { keyOf } from "./status.js";

/** Beyond so many changes at once it is quicker to begin anew. */
const MANY = 200;

export class OrderList {
    #store;
    #admits;
    #rows = []; // [{id, key}]
    #keys = new Map();

    /** `admits(order)` says whether an order is shown. */
    constructor(store, admits) {
        this.#store = store;
        this.#admits = admits;
    }

    get length() {
        return this.#rows.length;
    }

    /** Return the id at a place, or undefined. */
    at(place) {
        return this.#rows[place]?.id;
    }

    has(id) {
        return this.#keys.has(id);
    }

    /** Return the place of an order, or -1. */
    placeOf(id) {
        const key = this.#keys.get(id);
        return key === undefined ? -1 : this.placeBehind(key);
    }

    /** Return how many orders come before the key, by which an order that is gone is found again. */
    placeBehind(key) {
        let low = 0;
        let high = this.#rows.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.#rows[middle].key > key) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /** Return the key of the order at a place. */
    keyAt(place) {
        return this.#rows[place]?.key ?? "";
    }

    /** Look through all orders again. */
    rebuild() {
        this.#rows = this.#store
            .all()
            .filter((order) => this.#admits(order))
            .map((order) => ({ id: order.order_id, key: keyOf(order) }));
        this.#rows.sort((one, other) => (one.key > other.key ? -1 : 1));
        this.#keys = new Map(this.#rows.map(({ id, key }) => [id, key]));
    }

    /** Take changed orders; returns whether any came, went or moved. */
    apply(changed) {
        const moved = [...changed].filter((id) => this.#keys.get(id) !== this.#keyOfAdmitted(id));
        if (moved.length > MANY) this.rebuild();
        else moved.forEach((id) => this.#move(id));
        return moved.length > 0;
    }

    #keyOfAdmitted(id) {
        const order = this.#store.get(id);
        return order && this.#admits(order) ? keyOf(order) : undefined;
    }

    #move(id) {
        if (this.#keys.has(id)) this.#rows.splice(this.placeOf(id), 1);
        const key = this.#keyOfAdmitted(id);
        if (key === undefined) {
            this.#keys.delete(id);
            return;
        }
        this.#rows.splice(this.placeBehind(key), 0, { id, key });
        this.#keys.set(id, key);
    }
}
