/** The full words of what a row shows in short, beside it: while the pointer is there, or the row has the focus. */

import { el, setText } from "./dom.js";

const EDGE = 8;

export class Tip {
    element = el("div", { class: "tip", role: "tooltip", hidden: true });
    #anchor = null;
    #words = null;

    /** Show what `words()` returns below an element, or nothing where that is "". */
    show(anchor, words) {
        this.#anchor = anchor;
        this.#words = words;
        this.follow();
    }

    /** Show what there is to say by now, where it belongs by now. */
    follow() {
        if (!this.#anchor) return;
        const text = this.#anchor.isConnected ? this.#words() : "";
        this.element.hidden = !text;
        if (!text) return;
        setText(this.element, text);
        const at = this.#anchor.getBoundingClientRect();
        const { offsetWidth: width, offsetHeight: height } = this.element;
        const left = Math.max(EDGE, Math.min(at.left, document.documentElement.clientWidth - width - EDGE));
        const isBelow = at.bottom + height + EDGE < innerHeight;
        this.element.style.left = `${left}px`;
        this.element.style.top = `${isBelow ? at.bottom : at.top - height}px`;
    }

    /** Hide it; returns whether it was there. */
    hide() {
        const wasShown = !this.element.hidden;
        this.element.hidden = true;
        this.#anchor = null;
        return wasShown;
    }
}
