/**
 * How far back the table's orders are all known: pages of the ledger's list in, that moment out.
 *
 * The store also knows single orders that are older, such as one that was opened by its link: the table shows only what
 * is newer than what has been read without a gap.
 */

import { keyOf } from "./status.js";

/** Greater than the key of any order: nothing has been read. */
const NOTHING = "~";

export class OrderPages {
    #store;
    #sources;

    /** `queries` are the lists that have together all orders that are shown: their filters. */
    constructor(store, queries) {
        this.#store = store;
        this.#sources = queries.map((query) => ({ query, floor: NOTHING, ends: [] }));
    }

    /** The key down to which all orders are known; "" where there are no others. */
    get horizon() {
        return this.#sources.map(horizonOf).sort().at(-1) ?? "";
    }

    get isWhole() {
        return this.horizon === "";
    }

    /** Whether there are older orders than this page has room for. */
    get isCut() {
        return !this.isWhole && this.horizon !== NOTHING && this.#store.isFull;
    }

    /** Read one more page, of that list which is known least far back. Throws as `load` of the store does. */
    async more() {
        if (this.isWhole || this.isCut) return;
        const source = this.#sources.find((each) => horizonOf(each) === this.horizon);
        const cursor = source.ends.at(-1)?.cursor ?? "";
        const before = horizonOf(source);
        const { orders, nextCursor } = await this.#store.load({ ...source.query, cursor });
        const end = nextCursor && orders.length ? keyOf(orders.at(-1)) : "";
        source.ends.push({ key: end < before ? end : before, cursor: nextCursor });
    }

    /** Take note that the store has dropped orders, the newest of them with this key: what is older is read again. */
    cut(key) {
        for (const source of this.#sources) {
            if (horizonOf(source) >= key) continue;
            while (source.ends.length && source.ends.at(-1).key < key) source.ends.pop();
            if (!source.ends.length) source.floor = key;
        }
    }
}

function horizonOf(source) {
    return source.ends.at(-1)?.key ?? source.floor;
}
