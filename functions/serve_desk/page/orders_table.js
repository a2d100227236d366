/** The table of orders: only the rows that can be seen are in the page, each where it belongs in the height of all. */

import { el } from "./dom.js";
import { listenTo } from "./orders_keys.js";
import { ReadersPlace } from "./orders_place.js";
import { COLUMNS, OrderRow } from "./orders_row.js";
import { Tip } from "./orders_tip.js";

/** So many rows before the last one older orders are read. */
const NEAR_END = 30;

export class OrderTable extends EventTarget {
    #orders;
    #list;
    #doing;
    #place;
    #rows = new Map(); // id → OrderRow
    #spare = [];
    #active = { id: "", key: "" }; // the row that Tab comes to
    #isPointedAt = false;
    /** Whether the rows stay where they are for another reason, such as a dialog that goes back to one. */
    isKept = false;
    #tip = new Tip();
    #stop;

    /**
     * `list` is an OrderList of the store `orders`; `doing(id)` returns what is being done to an order, or "".
     * Events: `open` and `act` (detail: {id, act}), `end` (older orders are wanted), `held` (`isHeld` may be another),
     * `scrolled` (`fresh` may be another).
     */
    constructor({ orders, list, doing }) {
        super();
        this.#orders = orders;
        this.#list = list;
        this.#doing = doing;
        const heading = ([name, text]) => el("div", { role: "columnheader", class: `cell-${name}` }, text);
        const head = el(
            "div",
            { role: "rowgroup", class: "orders-head" },
            el("div", { role: "row", class: "order-head", "aria-rowindex": 1 }, COLUMNS.map(heading)),
        );
        this.body = el("div", { role: "rowgroup", class: "orders-body" });
        this.grid = el("div", { role: "grid", class: "orders-grid", "aria-label": "Orders" }, head, this.body);
        this.element = el("div", { class: "orders-table" }, this.grid, this.#tip.element);
        this.#place = new ReadersPlace({ grid: this.grid, head, body: this.body, list });
        this.#stop = this.#place.onResize(() => this.update());
        listenTo(this, { tip: this.#tip, place: this.#place });
    }

    /** End what goes on beside the page. */
    stop() {
        this.#stop();
    }

    /** Whether the rows have to stay where they are: somebody points at one, or has the focus in one. */
    get isHeld() {
        return this.#isPointedAt || this.hasFocus || this.isKept;
    }

    get hasFocus() {
        return this.body.contains(document.activeElement);
    }

    /** How many orders have come above what the reader sees. */
    get fresh() {
        return this.#place.fresh;
    }

    set isPointedAt(isPointedAt) {
        if (isPointedAt === this.#isPointedAt) return;
        this.#isPointedAt = isPointedAt;
        this.dispatchEvent(new Event("held"));
    }

    /** The ids of the rows that can be seen, the topmost first. */
    get seen() {
        const [first, last] = this.#place.seen;
        return Array.from({ length: Math.max(0, last - first) }, (_, place) => this.#list.at(first + place));
    }

    /** Show which rows there are now. */
    update() {
        this.#place.keep(this.isHeld);
        this.render();
    }

    /** Show orders that have changed, where no rows came or went. */
    updateRows(ids) {
        for (const id of ids) {
            const order = this.#orders.get(id);
            if (order) this.#rows.get(id)?.show(order, this.#doing(id));
        }
        this.#tip.follow();
    }

    /** Scroll to the newest, and follow them. */
    toTop() {
        this.#place.toTop();
        this.render();
    }

    /** Put the focus on an order's row; returns whether it has one. */
    focus(id) {
        const place = this.#list.placeOf(id);
        if (place >= 0) this.#activate(place);
        return place >= 0;
    }

    /** Put the focus on the row so many places on, as far as there are rows. */
    moveFocus(by) {
        const now = Math.max(0, this.#list.placeOf(this.#active.id));
        this.#activate(Math.max(0, Math.min(this.#list.length - 1, now + by)));
    }

    /** Have Tab come to this row from now on. */
    set active(row) {
        this.#active = { id: row.id, key: this.#list.keyAt(this.#list.placeOf(row.id)) };
        for (const each of this.#rows.values()) each.isActive = each === row;
    }

    /** Have those rows in the page that can be seen, or nearly. */
    render() {
        const [first, last] = this.#place.range;
        const hadFocus = this.hasFocus;
        const places = Array.from({ length: Math.max(0, last - first) }, (_, place) => first + place);
        this.#addActive(places, hadFocus);
        const wanted = new Set(places.map((place) => this.#list.at(place)));
        for (const [id, row] of this.#rows) if (!wanted.has(id)) this.#release(id, row);
        let next = this.body.firstElementChild;
        for (const place of places) next = this.#showAt(place, next);
        // The focus is never lost, not even with the order that had it.
        if (hadFocus && !this.hasFocus) this.#rows.get(this.#active.id)?.element.focus({ preventScroll: true });
        this.#tip.follow();
        if (last > this.#list.length - NEAR_END) this.dispatchEvent(new Event("end"));
    }

    #activate(place) {
        const id = this.#list.at(place);
        if (id === undefined) return;
        this.#active = { id, key: this.#list.keyAt(place) };
        this.#place.show(place);
        this.render();
        this.#rows.get(id)?.element.focus({ preventScroll: true });
    }

    /** Have the row that Tab comes to among the places: where it is, while it has the focus, and else where is read. */
    #addActive(places, hasFocus) {
        let at = this.#list.placeOf(this.#active.id);
        if (at < 0 && this.#active.key) at = Math.min(this.#list.length - 1, this.#list.placeBehind(this.#active.key));
        if (!places.includes(at) && !hasFocus) at = Math.min(this.#list.length - 1, this.#place.seen[0]);
        if (at < 0) return;
        this.#active = { id: this.#list.at(at), key: this.#list.keyAt(at) };
        if (places.includes(at)) return;
        if (at < places[0]) places.unshift(at);
        else places.push(at);
    }

    #release(id, row) {
        this.#rows.delete(id);
        row.element.remove();
        this.#spare.push(row);
    }

    /** Show the order at a place before the element `next`; returns what is to be behind it. */
    #showAt(place, next) {
        const id = this.#list.at(place);
        const order = this.#orders.get(id);
        if (!order) return next; // it was dropped, which comes to the list with the next changes
        const row = this.#rows.get(id) ?? this.#spare.pop() ?? new OrderRow();
        this.#rows.set(id, row);
        row.show(order, this.#doing(id));
        row.isActive = id === this.#active.id;
        row.moveTo(place, this.#place.rowHeight);
        // A row that is where it belongs is not put there again: it would lose the focus.
        if (row.element === next) return next.nextElementSibling;
        this.body.insertBefore(row.element, next);
        return next;
    }
}
