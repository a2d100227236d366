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

/**
 * Have `place` hold these elements in their order: `wanted` is [{key, make}], each made once for its key and kept in
 * the map `kept` as long as it is wanted. One that stays where it is is not touched, so that the focus stays in it.
 */
export function keepElements(place, kept, wanted) {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, element] of kept) {
        if (keys.has(key)) continue;
        element.remove();
        kept.delete(key);
    }
    wanted.forEach(({ key, make }, at) => {
        if (!kept.has(key)) kept.set(key, make());
        const element = kept.get(key);
        if (place.children[at] !== element) place.insertBefore(element, place.children[at] ?? null);
    });
}
