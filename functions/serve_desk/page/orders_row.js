/** One row of the table: made once, then shows one order after the other; only what has changed is written. */

import { el, setText, timeOf } from "./dom.js";
import { ENDED, RESTING, statusMark } from "./status.js";
import { StepBar, wordsOf } from "./orders_steps.js";
import { filledOf, noteOf, noteTitle, priceOf, priceTitle, tradeParts, typeOf } from "./orders_words.js";

/** The columns, in their order: [name, heading]. */
export const COLUMNS = [
    ["time", "Time"],
    ["trade", "Sells → buys"],
    ["type", "Type"],
    ["status", "Status"],
    ["price", "Price"],
    ["filled", "Filled"],
    ["note", "Distance, or reason"],
    ["acts", "Change"],
];

const DAY_AND_TIME = new Intl.DateTimeFormat(undefined, {
    month: "numeric",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
});

/** Farther from what it waits for than this, an order's meter is empty. */
const FAR_BPS = 1_000;

export class OrderRow {
    id = "";
    #order = null;
    #cells = {};
    #steps = new StepBar();
    #status = statusMark("pending");
    #amount = el("b", { class: "number" });
    #tokens = el("span");
    #meter = el("i", { class: "meter", "aria-hidden": "true" }, el("i"));
    #note = el("span", { class: "note-text" });
    #cancel = el("button", { type: "button", class: "act danger", tabindex: "-1", "data-act": "cancel" });
    #amend = el("button", { type: "button", class: "act", tabindex: "-1", "data-act": "amend" }, "Amend");

    constructor() {
        for (const [name] of COLUMNS) {
            this.#cells[name] = el("div", { role: "gridcell", class: `cell-${name}` });
        }
        this.#cells.price.classList.add("number");
        this.#cells.filled.classList.add("number");
        this.#cells.trade.append(this.#amount, " ", this.#tokens);
        this.#cells.status.append(this.#status, this.#steps.element);
        this.#cells.note.append(this.#meter, this.#note);
        this.#cells.acts.append(this.#amend, this.#cancel);
        this.element = el("div", { role: "row", class: "order", tabindex: "-1" }, Object.values(this.#cells));
        this.element.row = this;
    }

    /** Show an order; `doing` says what is being done to it, "" if nothing. */
    show(order, doing) {
        if (order === this.#order && doing === this.element.dataset.doing) return;
        if (this.id !== order.order_id || this.#order?.created_at !== order.created_at) {
            this.#cells.time.replaceChildren(placedAt(order.created_at));
        }
        this.id = order.order_id;
        this.#order = order;
        this.element.dataset.id = order.order_id;
        this.element.dataset.doing = doing;
        this.#showTexts(order);
        this.#showStatus(order);
        this.#showNote(order);
        this.#showActs(order, doing);
    }

    /** Return what a cell says in full, or "". */
    tipOf(cell) {
        if (cell === this.#cells.status) return wordsOf(this.#order);
        if (cell === this.#cells.note) return noteTitle(this.#order);
        return cell === this.#cells.price ? priceTitle(this.#order) : "";
    }

    /** Where the steps are shown. */
    get stepCell() {
        return this.#cells.status;
    }

    /** Let Tab come to the row and its buttons, or not. */
    set isActive(isActive) {
        const tabIndex = isActive ? 0 : -1;
        if (this.element.tabIndex === tabIndex) return;
        this.element.tabIndex = tabIndex;
        this.#cancel.tabIndex = tabIndex;
        this.#amend.tabIndex = tabIndex;
    }

    /** Be at a place of the list, each of whose rows is so many pixels high. */
    moveTo(place, height) {
        const index = String(place + 2); // the headings are the first row
        if (this.element.getAttribute("aria-rowindex") !== index) this.element.setAttribute("aria-rowindex", index);
        const move = `translateY(${place * height}px)`;
        if (this.element.style.transform !== move) this.element.style.transform = move;
    }

    /** Move the focus from the row or a button of it to the next one to the right (1) or to the left (-1). */
    moveInside(from, by) {
        const stops = [this.element, this.#amend, this.#cancel].filter((each) => !each.hidden && !each.disabled);
        stops[stops.indexOf(from) + by]?.focus();
    }

    #showTexts(order) {
        const { amount, tokens } = tradeParts(order);
        setText(this.#amount, amount);
        setText(this.#tokens, tokens);
        setText(this.#cells.type, typeOf(order));
        setText(this.#cells.price, order.partial ? "" : priceOf(order));
        setText(this.#cells.filled, filledOf(order));
    }

    #showStatus(order) {
        if (this.#status.dataset.status !== order.status) {
            this.#status.dataset.status = order.status;
            setText(this.#status, order.status.replaceAll("_", " "));
        }
        this.#steps.show(order);
    }

    #showNote(order) {
        setText(this.#note, noteOf(order));
        const bps = RESTING.has(order.status) ? order.resting?.distance_bps : null;
        this.#meter.hidden = bps === null || bps === undefined;
        if (this.#meter.hidden) return;
        const near = Math.max(0, Math.min(1, 1 - Number(bps) / FAR_BPS));
        this.#meter.firstElementChild.style.width = `${(near * 100).toFixed(0)}%`;
    }

    #showActs(order, doing) {
        this.#amend.hidden = !RESTING.has(order.status);
        this.#cancel.hidden = ENDED.has(order.status);
        this.#cancel.disabled = this.#amend.disabled = doing !== "";
        // The row has the focus instead of a button that can't be pressed any more.
        const focused = document.activeElement;
        if (this.#cells.acts.contains(focused) && (focused.disabled || focused.hidden)) this.element.focus();
        setText(this.#cancel, doing || "Cancel");
        const what = `${typeOf(order)} ${order.amount ?? ""} ${order.token_in ?? ""}`;
        this.#cancel.setAttribute("aria-label", `${doing || "Cancel"} ${what}`);
        this.#amend.setAttribute("aria-label", `Amend ${what}`);
    }
}

/** Return when an order was placed: the time of today, or the day too. */
function placedAt(iso) {
    const at = timeOf(iso);
    const date = new Date(iso);
    if (date.toDateString() !== new Date().toDateString()) at.textContent = DAY_AND_TIME.format(date);
    return at;
}
