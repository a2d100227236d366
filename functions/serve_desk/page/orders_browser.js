/** Has the table show those orders of the store that the filters admit, and reads older ones that are scrolled to. */

import { ApiError } from "./api.js";
import { el, setText } from "./dom.js";
import { isFiltered, matches, named, queries } from "./orders_filters.js";
import { OrderList } from "./orders_list.js";
import { OrderPages } from "./orders_pages.js";
import { OrderTable } from "./orders_table.js";
import { keyOf } from "./status.js";

/** So many pages are read by themselves, as long as they bring hardly any order that the filters admit. */
const MOST_IN_VAIN = 8;
const FEW = 20;

export class OrderBrowser {
    #orders;
    #session;
    #list;
    #pages;
    #horizon = "";
    #cut = "";
    #found = new Set(); // orders that were sought by their whole name, however old they are
    #staying = new Set(); // orders that the filters do not admit any more, which stay while the rows are held
    #isReading = false;
    #isRefiltering = false;
    #inVain = 0;
    #failure = "";
    #count = el("span", { class: "muted", id: "orders-count" });
    #stale = el("span", { class: "warn", id: "orders-stale", hidden: true });
    #fresh = el("button", { type: "button", class: "fresh", id: "orders-fresh", hidden: true });
    #state = el("p", { class: "muted" });
    #more = el("button", { type: "button", id: "orders-more", hidden: true });
    #empty = el("a", { href: "#trade", hidden: true }, "Place an order");

    /** `doing(id)` returns what is being done to an order, or ""; `session` says whether anything can be read. */
    constructor({ orders, session, doing }) {
        this.#orders = orders;
        this.#session = session;
        this.#list = new OrderList(orders, (order) => this.#admits(order));
        this.table = new OrderTable({ orders, list: this.#list, doing });
        const title = el("h2", {}, "Orders");
        this.head = el("div", { class: "orders-title row" }, title, this.#count, this.#stale, this.#fresh);
        this.foot = el("div", { class: "orders-foot row" }, this.#state, this.#more, this.#empty);
        this.#fresh.addEventListener("click", () => this.#toTop());
        this.#more.addEventListener("click", () => this.#goOn());
        this.table.addEventListener("end", () => this.#readMore());
        this.table.addEventListener("held", () => this.#released());
        this.table.addEventListener("scrolled", () => this.#show());
    }

    stop() {
        this.table.stop();
        this.#pages = null;
    }

    /** Begin anew with the filters as they are now. */
    refilter() {
        this.#pages = new OrderPages(this.#orders, queries());
        this.#found.clear();
        this.#staying.clear();
        this.#inVain = 0;
        this.#failure = "";
        this.#isReading = false;
        this.#rebuild();
        this.table.toTop();
        this.#seek();
    }

    /** Take orders that have changed. */
    take(changed) {
        if (this.#orders.cut > this.#cut) {
            this.#cut = this.#orders.cut;
            this.#pages.cut(this.#cut);
            this.#rebuild();
            this.table.update();
        } else if (this.#list.apply(changed)) this.table.update();
        else this.table.updateRows(changed);
        this.#show();
    }

    /** Show that what is seen is as it was at a time, or with "" that it is live. */
    showStale(at) {
        this.table.element.classList.toggle("is-stale", at !== "");
        this.#stale.hidden = at === "";
        setText(this.#stale, `⚠ as it was at ${at}`);
        if (!at && this.#failure) this.#goOn();
    }

    #admits(order) {
        if (keyOf(order) < this.#horizon && !this.#found.has(order.order_id)) return false;
        if (matches(order)) return true;
        // A row that ends under somebody's pointer is not replaced there by the next one.
        const stays = this.table.isHeld && this.#list.has(order.order_id) && !this.#isRefiltering;
        if (stays) this.#staying.add(order.order_id);
        return stays;
    }

    #rebuild() {
        this.#isRefiltering = true;
        this.#horizon = this.#pages.horizon;
        this.#list.rebuild();
        this.#isRefiltering = false;
        this.#show();
    }

    #released() {
        if (!this.table.isHeld) {
            const staying = this.#staying;
            this.#staying = new Set();
            this.#list.apply(staying);
            this.table.update();
        }
        this.#show();
    }

    #toTop() {
        this.table.toTop();
        this.table.focus(this.#list.at(0));
        this.#show();
    }

    #goOn() {
        this.#failure = "";
        this.#inVain = 0;
        this.#readMore();
    }

    async #readMore() {
        const pages = this.#pages;
        if (this.#isReading || !pages || pages.isWhole || pages.isCut) return;
        if (this.#failure || this.#inVain >= MOST_IN_VAIN || !this.#session.isOpen) return;
        this.#isReading = true;
        this.#show();
        const before = this.#list.length;
        const failure = await pages.more().then(() => "", failureOf);
        if (pages !== this.#pages) return;
        this.#isReading = false;
        this.#failure = failure;
        if (!failure) {
            this.#horizon = pages.horizon;
            this.#list.rebuild();
            this.#inVain = this.#list.length - before < FEW ? this.#inVain + 1 : 0;
            this.table.update();
        }
        this.#show();
    }

    /** Look for an order by the whole of its name. */
    async #seek() {
        const pages = this.#pages;
        const wanted = named();
        if (!wanted) return;
        const read = wanted.id ? this.#orders.read(wanted.id).then((order) => [order]) : this.#seekOwn(wanted);
        const found = await read.catch(() => []);
        if (pages !== this.#pages) return;
        for (const { order_id: id } of found) this.#found.add(id);
        if (this.#list.apply(new Set(this.#found))) this.table.update();
        this.#show();
    }

    async #seekOwn(query) {
        const { orders } = await this.#orders.load(query);
        return orders;
    }

    #show() {
        const { length } = this.#list;
        const isWhole = this.#pages?.isWhole ?? true;
        const rows = String(isWhole ? length + 1 : -1);
        const { grid, fresh } = this.table;
        if (grid.getAttribute("aria-rowcount") !== rows) grid.setAttribute("aria-rowcount", rows);
        setText(this.#count, `${length}${isWhole ? "" : "+"}`);
        this.#fresh.hidden = fresh === 0;
        setText(this.#fresh, `↑ ${fresh} new`);
        this.#showFoot(length, isWhole);
    }

    #showFoot(length, isWhole) {
        const isStuck = !isWhole && !this.#isReading && this.#inVain >= MOST_IN_VAIN;
        this.#more.hidden = !this.#failure && !isStuck;
        setText(this.#more, this.#failure ? "Try again" : "Look further back");
        const isEmpty = length === 0 && isWhole;
        this.#empty.hidden = !isEmpty || isFiltered();
        this.table.element.hidden = length === 0;
        setText(this.#state, this.#words({ isEmpty, isWhole, isStuck }));
    }

    #words({ isEmpty, isWhole, isStuck }) {
        if (!this.#session.isOpen) return "An API key shows the orders of its account.";
        if (this.#failure) return `Older orders can't be read: ${this.#failure}.`;
        if (isEmpty) return isFiltered() ? "No order is so." : "There are no orders yet.";
        if (isWhole) return "These are all.";
        if (this.#pages.isCut) return "Older orders than these are found by filters, or by their id.";
        if (isStuck) return `Looked back to ${this.#backTo()}.`;
        return this.#isReading ? "Reading older orders…" : "Older ones come by scrolling.";
    }

    #backTo() {
        const [at] = this.#horizon.split(" ");
        const date = new Date(at);
        return Number.isNaN(date.getTime()) ? "now" : date.toLocaleString();
    }
}

function failureOf(error) {
    if (error instanceof ApiError) return error.message;
    if (error.name === "AbortError") return "another key is used";
    throw error;
}
