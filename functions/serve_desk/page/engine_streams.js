/** What is under way, by stage, and what waits in each stream: a report in, bars with their numbers and a table out. */

import { duration, el, replace, setText } from "./dom.js";
import { grouped } from "./exact.js";
import { scrollingTable } from "./tables.js";

/** An oldest entry of that age says that a stream's function does not keep up. */
const BEHIND_MS = 2_000;

/** Return the panel of what is in flight: {element, show(report)}. */
export function stagesPanel() {
    const rows = new Map();
    const list = el("ul", { class: "stages" });
    const none = el("p", { class: "muted" }, "–");
    const element = el(
        "section",
        { class: "card", "aria-labelledby": "stages-title" },
        el("h2", { id: "stages-title" }, "In flight by stage"),
        none,
        list,
    );
    const show = ({ in_flight: stages = {} }) => {
        const most = Math.max(1, ...Object.values(stages).map(Number));
        none.hidden = Object.keys(stages).length > 0;
        for (const [stage, row] of rows) if (!(stage in stages)) row.show("0", most);
        for (const [stage, count] of Object.entries(stages)) {
            if (!rows.has(stage)) {
                rows.set(stage, stageRow(stage));
                list.append(rows.get(stage).element);
            }
            rows.get(stage).show(count, most);
        }
    };
    return { element, show };
}

function stageRow(stage) {
    const fill = el("span", { class: "fill" });
    const count = el("span", { class: "number" });
    const bar = el("span", { class: "bar-place", "aria-hidden": "true" }, fill);
    const element = el("li", {}, el("span", {}, stage.replaceAll("_", " ")), bar, count);
    const show = (number, most) => {
        setText(count, grouped(number));
        fill.style.width = `${(Number(number) / most) * 100}%`;
    };
    return { element, show };
}

/** Return the panel of the event sources that are alive, and of what nobody serves: {element, show(report)}. */
export function sourcesPanel() {
    const list = el("ul", { class: "sources" });
    const warning = el("p", { class: "bad", role: "status", hidden: true });
    const title = el("h2", { id: "sources-title" }, "Event sources");
    const element = el("section", { class: "card", "aria-labelledby": "sources-title" }, title, warning, list);
    let drawn = "";
    const show = ({ event_sources: sources = [], streams = [] }) => {
        const served = new Set(sources.flatMap(({ partitions }) => partitions));
        const orphans = [...new Set(streams.map(({ partition }) => partition))].filter((name) => !served.has(name));
        setText(warning, orphans.length ? `✕ Nobody serves ${orphans.join(", ")}.` : "");
        warning.hidden = orphans.length === 0;
        const known = JSON.stringify(sources);
        if (known === drawn) return;
        drawn = known;
        const rows = sources.map(({ name, partitions }) => {
            const served = el("span", { class: "muted" }, partitions.join(", ") || "stands by");
            return el("li", {}, el("span", { class: "long" }, name), served);
        });
        replace(list, rows.length ? rows : el("li", { class: "bad" }, "✕ None is alive: nothing is processed."));
    };
    return { element, show };
}

/** Return the panel of the streams: {element, show(report)}. */
export function streamsPanel() {
    const body = el("tbody");
    const names = ["Stream", "Partition", "#Entries", "#Oldest", "State"];
    const place = scrollingTable("Table of the streams", names, body, { className: "streams-place" });
    const summary = el("p", { class: "muted small" }, "–");
    const element = el(
        "section",
        { class: "card", "aria-labelledby": "streams-title" },
        el("h2", { id: "streams-title" }, "Streams"),
        summary,
        place,
    );
    const rows = new Map();
    const show = ({ streams = [] }) => {
        setText(summary, behindInWords(streams));
        const shown = new Set();
        for (const stream of streams) {
            const name = `${stream.partition}/${stream.stream}`;
            shown.add(name);
            if (!rows.has(name)) {
                rows.set(name, streamRow(stream));
                replace(body, [...rows.keys()].sort(byStream).map((key) => rows.get(key).element));
            }
            rows.get(name).show(stream);
        }
        for (const [name, row] of rows) row.element.hidden = !shown.has(name);
    };
    return { element, show };
}

function behind({ entries, age_ms: age }) {
    return Number(entries) > 0 && Number(age ?? 0) >= BEHIND_MS;
}

function behindInWords(streams) {
    const late = streams.filter(behind).map(({ stream, partition }) => `${stream} of ${partition}`);
    return late.length ? `⚠ Behind: ${late.join(", ")}` : `All ${streams.length} keep up.`;
}

function byStream(one, other) {
    const [[partition, stream], [otherPartition, otherStream]] = [one.split("/"), other.split("/")];
    return stream.localeCompare(otherStream) || partition.localeCompare(otherPartition);
}

function streamRow({ stream, partition }) {
    const [entries, age] = [el("td", { class: "number" }), el("td", { class: "number" })];
    const state = el("td");
    const element = el("tr", {}, el("th", { scope: "row" }, stream), el("td", {}, partition), entries, age, state);
    const show = (now) => {
        const isBehind = behind(now);
        setText(entries, grouped(now.entries));
        setText(age, Number(now.entries) && now.age_ms !== null ? duration(Number(now.age_ms)) : "–");
        setText(state, isBehind ? "⚠ behind" : "✓ keeps up");
        state.className = isBehind ? "warn" : "muted";
    };
    return { element, show };
}
