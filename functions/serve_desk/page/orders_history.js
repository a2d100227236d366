/** An order's steps as a table: its events in, each with its time, how long it took and what it said, out. */

import { duration, el, timeOf } from "./dom.js";
import { grouped } from "./exact.js";
import { statusMark } from "./status.js";

/** How many of the latest steps are shown at first. */
export const MOST_SHOWN_STEPS = 60;

/** Return the table of some events. */
export function historyTable(events) {
    const longest = Math.max(1, ...events.map((event, place) => tookOf(events, place) ?? 0));
    const rows = events.map((event, place) => {
        const took = tookOf(events, place);
        return el(
            "tr",
            {},
            el("td", { class: "number muted" }, event.sequence),
            el("td", {}, statusMark(event.status), said(event)),
            el("td", { class: "number" }, timeOf(event.timestamp, { milliseconds: true })),
            el("td", { class: "number" }, took === null ? "" : [tookBar(took / longest), duration(took)]),
        );
    });
    const head = ["#", "Step", "At", "Took"].map((text) => el("th", { scope: "col" }, text));
    return el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "History" },
        el("table", { class: "history" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)),
    );
}

function tookOf(events, place) {
    const next = events[place + 1];
    return next ? Math.max(0, Date.parse(next.timestamp) - Date.parse(events[place].timestamp)) : null;
}

function tookBar(share) {
    const bar = el("i", { class: "took", "aria-hidden": "true" }, el("i"));
    bar.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
    return bar;
}

/** Return what an event says beside its status. */
function said(event) {
    const parts = [
        event.rule && `${event.rule.replaceAll("_", " ")}${event.price ? ` at ${grouped(event.price)}` : ""}`,
        event.execution_price && `at ${grouped(event.execution_price)}`,
        event.slots_from_open && `${event.slots_from_open} slots after the opening`,
        event.reason,
    ].filter(Boolean);
    return parts.length ? el("p", { class: "said" }, parts.join(" · ")) : null;
}
