/** The view Engine: how fast it is, what is under way, what waits, what was given up, and whether its stores answer. */

import { el, replace } from "./dom.js";
import { Figures } from "./engine_figures.js";
import { Letters } from "./engine_letters.js";
import { flowCharts } from "./engine_flow.js";
import { sourcesPanel, stagesPanel, streamsPanel } from "./engine_streams.js";
import { followReports, freshness } from "./reports.js";

/** Reports come once a second. */
const STALE_MS = 4_000;

/** Show the view in `root`; returns what ends it. */
export function mount(root, context) {
    const fresh = freshness();
    const figures = new Figures();
    const flow = flowCharts();
    const stages = stagesPanel();
    const sources = sourcesPanel();
    const streams = streamsPanel();
    const letters = new Letters(context);
    const refusal = el("section", { class: "card stack", "aria-labelledby": "refused-title", hidden: true });
    const underWay = el("div", { class: "stack" }, stages.element, sources.element);
    const panels = el(
        "div",
        { class: "stack engine" },
        figures.element,
        flow.element,
        el("div", { class: "engine-halves" }, underWay, streams.element),
        letters.element,
    );
    const head = el("div", { class: "row engine-head" }, el("h2", {}, "Engine"), fresh.element);
    const view = el("div", { class: "stack" }, head, refusal, panels);
    replace(root, view);

    const onReport = (report) => {
        for (const part of [figures, flow, stages, sources, streams, letters]) part.show(report);
    };
    const onState = (state) => {
        fresh.show(state);
        view.toggleAttribute("data-stale", ["stale", "lost", "paused"].includes(state.name));
        const isRefused = state.name === "refused";
        panels.hidden = isRefused;
        if (isRefused && refusal.hidden) replace(refusal, refusalInWords(state.error));
        refusal.hidden = !isRefused;
    };
    const stop = followReports(context.socket, "engine", { staleMs: STALE_MS, onReport, onState });
    return () => {
        stop();
        letters.end();
    };
}

function refusalInWords(error) {
    return [
        el("h2", { id: "refused-title" }, "The engine is not shown"),
        el("p", {}, `The engine answers: ${error}.`),
        el(
            "p",
            { class: "muted" },
            "Who runs the engine sees it, with a key that has the permission admin. With another key, Trade, Orders ",
            "and Market work as its permissions allow.",
        ),
    ];
}
