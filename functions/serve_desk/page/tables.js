/** Tables that scroll sideways in their own place where they are wider than the page, also by keyboard. */

import { el } from "./dom.js";

/**
 * Return a table in its place, which is named `label` for screen readers.
 *
 * `columns` are names, those of numbers with "#" before them; `body` is its tbody, and `caption` stands above it.
 */
export function scrollingTable(label, columns, body, { caption = "", className = "" } = {}) {
    const head = columns.map((name) =>
        el("th", { scope: "col", class: name.startsWith("#") ? "number" : null }, name.replace("#", "")),
    );
    const table = el("table", {}, caption && el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), body);
    return el("div", { class: `scroll ${className}`, tabindex: "0", role: "region", "aria-label": label }, table);
}
