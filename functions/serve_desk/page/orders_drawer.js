/** The drawer: all that is known of one order, at an address of its own, kept up to date as events come. */

import { ApiError } from "./api.js";
import { el, replace, setText } from "./dom.js";
import { amountsBy, familyPart, fillsPart, historyPart, restingPart, routePart, summaryPart, transactionPart }
    from "./orders_details.js";
import { StepBar, wordsOf } from "./orders_steps.js";
import { typeOf } from "./orders_words.js";
import { ENDED, RESTING, statusMark, tradeOf } from "./status.js";

const SOONEST_MS = 400;
const RESTING_MS = 2_000;
const RETRY_MS = 3_000;

export class Drawer extends EventTarget {
    #orders;
    #changes;
    #decimals;
    #id = "";
    #details = null;
    #timer = null;
    #readAt = -Infinity;
    #showsAll = false;
    #isStale = false;
    #hasFailed = false;
    #parts = new Map(); // name → {element, signature}
    #steps = new StepBar();
    #head = head();
    #said = el("p", { class: "said muted", role: "status" });
    #body = el("div", { class: "drawer-body" });

    /**
     * `changes` cancels; `decimals()` returns those of tokens by symbol. Events: `closed` (by its reader), `amend`
     * (detail: the order).
     */
    constructor({ orders, changes, decimals }) {
        super();
        this.#orders = orders;
        this.#changes = changes;
        this.#decimals = decimals;
        const { close, cancel, amend, copyId, copyLink } = this.#head;
        this.element = el(
            "dialog",
            { class: "drawer", "aria-labelledby": "drawer-title" },
            el("div", { class: "drawer-inner" }, this.#head.element, this.#said, this.#body),
        );
        close.addEventListener("click", () => this.#leave());
        cancel.addEventListener("click", () => changes.cancel(this.#id));
        amend.addEventListener("click", () =>
            this.dispatchEvent(new CustomEvent("amend", { detail: this.#orders.get(this.#id) })));
        copyId.addEventListener("click", () => this.#copy(this.#id, "The id is copied."));
        copyLink.addEventListener("click", () => this.#copy(location.href, "The link is copied."));
        this.element.addEventListener("cancel", (event) => {
            event.preventDefault();
            this.#leave();
        });
        this.element.addEventListener("click", ({ target }) => target === this.element && this.#leave());
    }

    get isOpen() {
        return this.element.open;
    }

    /** Show an order, in place of the one that is shown. */
    open(id) {
        if (id === this.#id && this.isOpen) return;
        this.#id = id;
        this.#details = null;
        this.#showsAll = false;
        this.#parts.clear();
        replace(this.#body);
        this.say("Reading the order…");
        this.#showHead();
        if (!this.isOpen) this.element.showModal();
        this.#head.title.focus();
        this.element.firstElementChild.scrollTop = 0;
        this.#readSoon(0);
    }

    /** Close it without a word to anybody. */
    close() {
        clearTimeout(this.#timer);
        this.#timer = null;
        this.#id = "";
        if (this.isOpen) this.element.close();
    }

    /** Take note of changed orders. */
    update(changed) {
        if (!this.#id || !this.isOpen) return;
        if (changed.has(this.#id)) {
            this.#showHead();
            const known = this.#orders.get(this.#id);
            if (known && known.sequence !== this.#details?.sequence) this.#readSoon(SOONEST_MS);
        }
        const { parent_id: parent, children = [] } = this.#details ?? {};
        if ([parent, ...children].some((id) => changed.has(id))) this.#showParts();
    }

    /** Say that what is seen is as it was at a time, or with "" that it is live again. */
    showStale(at) {
        if (at) this.say(`The connection is lost: this is as it was at ${at}.`, "error");
        else if (this.#isStale && this.#id) {
            this.#hasFailed = true;
            this.#readSoon(0);
        }
        this.#isStale = at !== "";
    }

    /** Say something in the drawer, which hides the page from screen readers. */
    say(text, kind = "info") {
        setText(this.#said, text);
        this.#said.classList.toggle("bad", kind === "error");
    }

    #leave() {
        this.close();
        this.dispatchEvent(new Event("closed"));
    }

    /** Read it `ms` after it was last read, or at once; a later time that was waited for does not count any more. */
    #readSoon(ms) {
        clearTimeout(this.#timer);
        const wait = ms === 0 ? 0 : Math.max(0, this.#readAt + ms - performance.now());
        this.#timer = setTimeout(() => this.#read(), wait);
    }

    async #read() {
        const id = this.#id;
        if (document.hidden) return this.#readSoon(RESTING_MS);
        this.#readAt = performance.now();
        try {
            const details = await this.#orders.read(id);
            if (id !== this.#id) return;
            // What was said of reading it is over; what became of a change stays.
            if (this.#details === null || this.#hasFailed) this.say("");
            this.#hasFailed = false;
            this.#details = details;
            this.#showHead();
            this.#showParts();
            if (RESTING.has(details.status)) this.#readSoon(RESTING_MS);
        } catch (error) {
            if (id === this.#id) this.#failed(error);
        }
    }

    #failed(error) {
        if (error instanceof ApiError && [400, 404].includes(error.status)) {
            this.say("There is no such order, or it is another account's.", "error");
            return this.#showHead();
        }
        this.#hasFailed = true;
        this.say(`The order can't be read: ${error.message}. It is tried again.`, "error");
        this.#readAt = performance.now();
        this.#readSoon(error.retryAfterMs ?? RETRY_MS);
    }

    #showHead() {
        const { title, mark, id, cancel, amend, steps, words } = this.#head;
        const order = this.#orders.get(this.#id);
        setText(id, this.#id);
        setText(title, order && !order.partial ? `${typeOf(order)}: ${tradeOf(order)}` : "Order");
        mark.hidden = steps.hidden = words.hidden = !order;
        cancel.hidden = !order || ENDED.has(order.status);
        amend.hidden = !order || !RESTING.has(order.status);
        if (!order) return;
        if (mark.firstElementChild?.dataset.status !== order.status) replace(mark, statusMark(order.status));
        const doing = this.#changes.doing(this.#id);
        cancel.disabled = amend.disabled = doing !== "";
        setText(cancel, doing || "Cancel the order");
        if (!steps.firstElementChild) steps.append(this.#steps.element);
        this.#steps.show(order);
        setText(words, wordsOf(order));
    }

    #showParts() {
        const details = this.#details;
        if (!details) return;
        const amount = amountsBy({ ...this.#decimals(), ...decimalsOfLaunch(details) });
        const showAll = {
            isOn: this.#showsAll,
            turnOn: () => {
                this.#showsAll = true;
                this.#showParts();
            },
        };
        this.#part("Why it rests", [details.resting, details.token_out], () => restingPart(details, amount));
        this.#part("Reason", details.reason, () => details.reason && el("p", { class: "long" }, details.reason));
        this.#part("Order", [details.sequence, details.minimum_out], () => summaryPart(details, amount));
        this.#part("Related orders", this.#familySignature(details), () => familyPart(details, this.#orders));
        this.#part("Fills", details.fills, () => fillsPart(details, amount));
        this.#part("Route", details.route, () => routePart(details, amount));
        this.#part("Transaction", details.tx_hash, () => transactionPart(details));
        this.#part("History", [details.history.length, this.#showsAll], () => historyPart(details, showAll));
    }

    #familySignature({ parent_id: parent, children }) {
        return [parent, ...children].map((id) => [id, this.#orders.get(id)?.status]);
    }

    /** Show a part, built again only if what it says is another; one that `build` has nothing for is hidden. */
    #part(name, about, build) {
        const signature = JSON.stringify([about, Object.keys(this.#decimals()).length]);
        let part = this.#parts.get(name);
        if (part?.signature === signature) return;
        if (!part) {
            part = { element: el("section", { class: "part", "data-part": name }) };
            this.#parts.set(name, part);
            this.#body.append(part.element);
        }
        part.signature = signature;
        const content = build();
        part.element.hidden = !content;
        replace(part.element, content ? [el("h3", {}, name), content] : []);
    }

    async #copy(text, done) {
        try {
            await navigator.clipboard.writeText(text);
            this.say(done);
        } catch {
            this.say(`It can't be copied here: ${text}`, "error");
        }
    }
}

function decimalsOfLaunch({ launch }) {
    return launch ? { [launch.token.symbol]: launch.token.decimals } : {};
}

function head() {
    const button = (text, kind = "") => el("button", { type: "button", class: kind }, text);
    const parts = {
        title: el("h2", { id: "drawer-title", tabindex: "-1" }),
        mark: el("span"),
        id: el("code", { class: "number long" }),
        steps: el("div", { class: "drawer-steps" }),
        words: el("p", { class: "small muted" }),
        close: el("button", { type: "button", class: "quiet close", "aria-label": "Close" }, "✕"),
        cancel: button("", "danger"),
        amend: button("Amend"),
        copyId: button("Copy id", "quiet"),
        copyLink: button("Copy link", "quiet"),
    };
    const { title, mark, id, steps, words, close, cancel, amend, copyId, copyLink } = parts;
    const element = el(
        "header",
        { class: "drawer-head" },
        el("div", { class: "drawer-title" }, title, mark, close),
        id,
        el("div", { class: "row" }, amend, cancel, copyId, copyLink),
        steps,
        words,
    );
    return { ...parts, element };
}
