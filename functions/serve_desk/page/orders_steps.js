/** The steps that an order has passed as a bar: each a mark as wide as its time was long, with words beside it. */

import { duration, el, setText } from "./dom.js";
import { ENDED, stepTimes, stepsInWords } from "./status.js";

const MOST_MARKS = 8;
// A step of a second is twice as wide as one of 30 ms, so that short ones are seen beside long ones; an end lasts no
// time, and the step that an order is at lasts on.
const END_WIDTH = "1.5";
const LASTING_WIDTH = "9";

/** Return in words what is known of an order's steps, and how long all of them took. */
export function wordsOf(order) {
    const { steps } = order;
    if (!steps.length) return ENDED.has(order.status) ? `${order.status} after ${tookOf(order)}` : order.status ?? "";
    const shown = steps.slice(-MOST_MARKS);
    const before = Number(shown[0].sequence) - 1;
    return `${before > 0 ? `${before} earlier steps, then ` : ""}${stepsInWords(shown).replaceAll("_", " ")}`;
}

/** Return how long an order took from its first to its last step, in words. */
export function tookOf(order) {
    return duration(Date.parse(order.updated_at) - Date.parse(order.created_at));
}

/** Return whether the steps of an order are known to the last one that the bar shows. */
export function hasSteps(order) {
    const { steps, sequence } = order;
    if (!steps.length) return false;
    const shown = steps.slice(-MOST_MARKS);
    const isWhole = shown.length === MOST_MARKS || shown[0].sequence === "1";
    const first = Number(sequence) - shown.length + 1;
    return isWhole && shown.every((step, place) => Number(step.sequence) === first + place);
}

/** A bar that is updated in place; what it shows is in `element`, with the words as its text alternative. */
export class StepBar {
    #marks = el("span", { class: "steps-marks" });
    #took = el("span", { class: "steps-took", "aria-hidden": "true" });
    #shown = "";

    element = el("span", { class: "steps", role: "img" }, this.#marks, this.#took);

    /** Show the steps of an order, if they are others than those shown. */
    show(order) {
        const { steps } = order;
        const { order_id: id, status, sequence } = order;
        const signature = `${id} ${status} ${sequence} ${steps.length} ${steps.at(-1)?.sequence}`;
        if (signature === this.#shown) return;
        this.#shown = signature;
        const times = stepTimes(steps.slice(-MOST_MARKS));
        this.#fit(times.length || 1);
        const last = { status: order.status, tookMs: null };
        [...this.#marks.children].forEach((mark, place) => paint(mark, times[place] ?? last, ENDED.has(order.status)));
        setText(this.#took, ENDED.has(order.status) ? tookOf(order) : "");
        this.element.setAttribute("aria-label", wordsOf(order));
    }

    #fit(count) {
        while (this.#marks.childElementCount > count) this.#marks.lastElementChild.remove();
        while (this.#marks.childElementCount < count) this.#marks.append(el("i"));
    }
}

function paint(mark, { status, tookMs }, hasEnded) {
    if (mark.dataset.status !== status) mark.dataset.status = status ?? "";
    const lasting = hasEnded ? END_WIDTH : LASTING_WIDTH;
    const width = tookMs === null ? lasting : String(1 + Math.log2(1 + Math.max(0, tookMs) / 10));
    if (mark.style.flexGrow !== width) mark.style.flexGrow = width;
}
