/** The reports of a channel, followed while somebody can see the page, and how old what they say is. */

import { announce, duration, el, setText } from "./dom.js";
import { session } from "./session.js";

/** A page that is hidden for so long follows nothing, so that the market's clock may stop. */
const HIDDEN_MS = 60_000;
const LOOK_MS = 1_000;
const KEY_REFUSED = "this key is unknown, has ended, or may not read";

/**
 * Follow `channel` of the socket ("market" or "engine"); returns what ends that.
 *
 * `onReport(report)` is called with each report, and `onState(state)` once a second and whenever the state changes:
 * {name, sinceMs, error}. Its name is "waiting" (nothing has come yet), "live", "stale" (nothing has come for
 * `staleMs`), "lost" (the connection is), "paused" (the page was hidden), "keyless" (there is no key, and there has to
 * be) or "refused" (`error` says why).
 */
export function followReports(socket, channel, { onReport = () => {}, onState = () => {}, staleMs = 0 } = {}) {
    const follower = new Follower(socket, channel, { onReport, onState, staleMs });
    return () => follower.end();
}

class Follower {
    #socket;
    #channel;
    #options;
    #stop = null;
    #heardAt = null;
    #error = "";
    #hiding = null;
    #looking;
    #unheard;

    constructor(socket, channel, options) {
        this.#socket = socket;
        this.#channel = channel;
        this.#options = options;
        document.addEventListener("visibilitychange", this.#turn);
        this.#unheard = socket.onState(() => this.#look());
        this.#looking = setInterval(() => this.#look(), LOOK_MS);
        this.#begin();
        this.#turn();
    }

    end() {
        document.removeEventListener("visibilitychange", this.#turn);
        clearTimeout(this.#hiding);
        clearInterval(this.#looking);
        this.#unheard();
        this.#leave();
    }

    #turn = () => {
        clearTimeout(this.#hiding);
        if (document.hidden) this.#hiding = setTimeout(() => this.#leave(), HIDDEN_MS);
        else this.#begin();
    };

    #begin() {
        this.#stop ??= this.#socket.follow(this.#channel, (frame) => this.#take(frame));
        this.#look();
    }

    #leave() {
        this.#stop?.();
        this.#stop = null;
    }

    #take(frame) {
        this.#error = frame.error ?? "";
        if (frame[this.#channel]) {
            this.#heardAt = Date.now();
            this.#options.onReport(frame[this.#channel]);
        }
        this.#look();
    }

    #look() {
        const sinceMs = this.#heardAt === null ? null : Date.now() - this.#heardAt;
        const error = this.#socket.state === "refused" ? KEY_REFUSED : this.#error;
        this.#options.onState({ name: this.#nameOf(sinceMs, error), sinceMs, error });
    }

    #nameOf(sinceMs, error) {
        if (!this.#stop) return "paused";
        if (!session.isOpen) return "keyless";
        if (error) return "refused";
        if (this.#socket.state === "offline") return "lost";
        if (sinceMs === null) return "waiting";
        return sinceMs > this.#options.staleMs ? "stale" : "live";
    }
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
        keyless: "an API key is needed",
        paused: `paused while nobody looks${age}`,
        refused: `refused: ${error}`,
    };
    return words[name];
}
