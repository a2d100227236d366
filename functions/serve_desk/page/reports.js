/** The reports of a channel, followed while somebody can see the page, and how old what they say is. */

import { announce, duration, el, setText } from "./dom.js";

/** A page that is hidden for so long follows nothing, so that the market's clock may stop. */
const HIDDEN_MS = 60_000;
const LOOK_MS = 1_000;

/**
 * Follow `channel` of the socket ("market" or "engine"); returns what ends that.
 *
 * `onReport(report)` is called with each report, and `onState(state)` once a second and whenever the state changes:
 * {name, sinceMs, error}. Its name is "waiting" (nothing has come yet), "live", "stale" (nothing has come for
 * `staleMs`), "lost" (the connection is), "paused" (the page was hidden) or "refused" (`error` says why).
 */
export function followReports(socket, channel, { staleMs, onReport, onState }) {
    let stop = null;
    let heardAt = null;
    let error = "";
    let hiding = null;

    const look = () => {
        const sinceMs = heardAt === null ? null : Date.now() - heardAt;
        onState({ name: nameOf(sinceMs), sinceMs, error });
    };
    const nameOf = (sinceMs) => {
        if (!stop) return "paused";
        if (error) return "refused";
        if (socket.state === "offline" || socket.state === "refused") return "lost";
        if (sinceMs === null) return "waiting";
        return sinceMs > staleMs ? "stale" : "live";
    };
    const take = (frame) => {
        error = frame.error ?? "";
        if (frame[channel]) {
            heardAt = Date.now();
            onReport(frame[channel]);
        }
        look();
    };
    const begin = () => {
        clearTimeout(hiding);
        stop ??= socket.follow(channel, take);
        look();
    };
    const end = () => {
        stop?.();
        stop = null;
    };
    const turn = () => {
        if (!document.hidden) return begin();
        clearTimeout(hiding);
        hiding = setTimeout(end, HIDDEN_MS);
    };

    document.addEventListener("visibilitychange", turn);
    const ended = socket.onState(look);
    const timer = setInterval(look, LOOK_MS);
    begin();
    if (document.hidden) turn();
    return () => {
        document.removeEventListener("visibilitychange", turn);
        clearTimeout(hiding);
        clearInterval(timer);
        ended();
        end();
    };
}

/** Return a line that says how old what is shown is: {element, show(state)}. Screen readers hear of changes alone. */
export function freshness() {
    const element = el("p", { class: "freshness", "data-state": "waiting" }, "waiting for the first report");
    let shown = "waiting";
    const show = (state) => {
        setText(element, inWords(state));
        if (state.name === shown) return;
        shown = state.name;
        element.dataset.state = state.name;
        announce(state.name === "live" ? "Up to date." : inWords(state));
    };
    return { element, show };
}

function inWords({ name, sinceMs, error }) {
    const age = sinceMs === null ? "" : `, shown is what was ${duration(sinceMs)} ago`;
    const words = {
        waiting: "waiting for the first report",
        live: "up to date",
        stale: `out of date: nothing has come for ${duration(sinceMs ?? 0)}`,
        lost: `out of date: the connection is lost${age}`,
        paused: `paused while nobody looks${age}`,
        refused: `refused: ${error}`,
    };
    return words[name];
}
