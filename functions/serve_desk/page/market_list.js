/** The list of pairs: reports in, rows out, each a link to its chart, with its prices as they move. */

import { el, setText } from "./dom.js";
import { compare, grouped } from "./exact.js";
import { lineDrawing } from "./lines.js";
import { addressOf, differenceOf, venueName } from "./market_pairs.js";

const RECENT_MS = 120_000;
const LEAST_MS = 10_000;
/** What each pair was worth lately, [{x: ms, y}], for as long as this page is open: only for the small lines. */
const recent = new Map();

/** Return the list, with the line `fresh` in its head: {element, show(report), mark(pair or undefined)}. */
export function pairList(fresh) {
    const rows = new Map();
    const list = el("ul", { class: "pair-rows" });
    const search = el("input", { type: "search", id: "pair-search", placeholder: "SOL, USDC…", autocomplete: "off" });
    const none = el("p", { class: "muted", hidden: true }, "No pair has that in its name.");
    const field = el("div", { class: "field" }, el("label", { for: "pair-search" }, "Find a token or a pair"), search);
    const all = el("a", { class: "all-pairs", href: "#market" }, "Show all");
    const element = el(
        "section",
        { class: "card pair-list", "aria-labelledby": "pairs-title" },
        el("div", { class: "row card-head" }, el("h2", { id: "pairs-title" }, "Pairs"), all, fresh),
        el("div", { class: "pair-places" }, field, list, none),
    );
    const filter = () => (none.hidden = rows.size === 0 || hideOthers(rows, search.value) > 0);
    search.addEventListener("input", filter);

    const show = ({ pairs, at }) => {
        const now = Date.parse(at);
        for (const pair of pairs) {
            const row = rows.get(pair.pair) ?? addRow(pair);
            row.show(pair, remember(pair, now), now);
        }
    };
    const addRow = (pair) => {
        const row = pairRow(pair);
        rows.set(pair.pair, row);
        list.append(row.element);
        filter();
        return row;
    };
    const mark = (pair) => {
        for (const [name, row] of rows) {
            if (name === pair?.pair) row.link.setAttribute("aria-current", "true");
            else row.link.removeAttribute("aria-current");
        }
    };
    return { element, show, mark };
}

/** Hide the rows whose pairs have not `text` in their names; return how many are left. */
function hideOthers(rows, text) {
    const wanted = text.trim().toUpperCase().replace("-", "/");
    for (const [name, row] of rows) row.element.hidden = !name.toUpperCase().includes(wanted);
    return [...rows.values()].filter((row) => !row.element.hidden).length;
}

function remember(pair, now) {
    const points = recent.get(pair.pair) ?? [];
    if (!points.length || points.at(-1).x < now) points.push({ x: now, y: Number(pair.reference) });
    while (points.length && points[0].x < now - RECENT_MS) points.shift();
    recent.set(pair.pair, points);
    return points;
}

function pairRow(pair) {
    const price = el("span", { class: "pair-price number" });
    const move = el("span", { class: "pair-move" });
    const venues = el("span", { class: "pair-venues small" });
    const places = new Map();
    const difference = el("span", { class: "pair-difference small" });
    const drawing = lineDrawing(["reference"], { className: "pair-line" });
    const name = el("span", { class: "pair-name" }, pair.pair);
    const worth = el("span", { class: "pair-worth" }, price, " ", move);
    const link = el("a", { href: addressOf(pair) }, name, drawing.element, worth, venues, difference);
    const element = el("li", {}, link);
    let before = null;

    const show = (now, points, at) => {
        if (before && before.reference !== now.reference) {
            const sign = compare(now.reference, before.reference);
            move.className = `pair-move ${sign > 0 ? "good" : "bad"}`;
            move.replaceChildren(
                el("span", { "aria-hidden": "true" }, sign > 0 ? "▲" : "▼"),
                el("span", { class: "hidden" }, sign > 0 ? "rising" : "falling"),
            );
        }
        before = now;
        setText(price, grouped(now.reference));
        for (const [venue, at] of Object.entries(now.venues)) {
            if (!places.has(venue)) {
                places.set(venue, el("span"));
                venues.append(places.get(venue), " ");
            }
            setText(places.get(venue), `${venueName(venue)} ${grouped(at)}`);
        }
        for (const [venue, place] of places) place.hidden = !(venue in now.venues);
        const { short, words, sign } = differenceOf(now);
        setText(difference, short);
        difference.title = words;
        difference.dataset.sign = sign;
        drawing.show([points], boxOf(points, at));
    };
    return { element, link, show };
}

function boxOf(points, now) {
    const values = points.map(({ y }) => y);
    const [bottom, top] = [Math.min(...values), Math.max(...values)];
    const margin = (top - bottom) * 0.1 || top * 0.001 || 1;
    const left = Math.max(now - RECENT_MS, Math.min(points[0].x, now - LEAST_MS));
    return { left, right: now, bottom: bottom - margin, top: top + margin, gap: 20_000 };
}
