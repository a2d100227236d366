/**
 * The WebSocket: one for the page, with the channels that somebody follows. It connects again by itself, follows the
 * same channels again, and has `orders` go on behind the last event that came.
 */

import { ApiError, api } from "./api.js";
import { parseExact } from "./exact.js";
import { session } from "./session.js";

const PING_MS = 10_000;
const STALE_MS = 15_000;
/** Longer than nothing new comes on a channel of reports, each of which says at least every 5 s that it is alive. */
const SILENT_MS = 15_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 8_000;
const REPORTS = new Set(["market", "engine"]);

function address(ticket) {
    const named = document.querySelector('meta[name="orderflow-socket"]')?.content;
    const url = new URL(named || "/api/orders/status", location.href.replace(/^http/, "ws"));
    if (ticket) url.searchParams.set("ticket", ticket);
    return url;
}

class Socket {
    #socket = null;
    #channels = new Map(); // name → {handlers, sequence, at}
    #listeners = new Set();
    #retryMs = FIRST_RETRY_MS;
    #retry = null;
    #heardAt = 0;
    #generation = 0;

    /** "idle" (nothing is followed, or no key), "connecting", "live", "stale" (nothing was heard) or "offline". */
    state = "idle";

    constructor() {
        setInterval(() => this.#check(), PING_MS / 4);
        session.onChange(() => this.#restart(true));
        addEventListener("online", () => this.#restart(false));
        addEventListener("offline", () => this.#lost());
    }

    /** Call `listener(state)` whenever the state changes; returns what ends that. */
    onState(listener) {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }

    /**
     * Have `handler` called with each frame of a channel, parsed exactly; returns what ends that.
     *
     * Frames are {channel, subscribed}, {channel, error}, {channel, sequence, event} of `orders`, and
     * {channel, sequence, market} and {channel, sequence, engine}. Where events of `orders` were missed for good, a
     * frame {channel, gap: true} comes first: what is shown has to be read anew.
     */
    follow(channel, handler) {
        let kept = this.#channels.get(channel);
        const isFirst = !kept;
        if (!kept) {
            kept = { handlers: new Set(), sequence: null, at: Date.now(), last: null };
            this.#channels.set(channel, kept);
        }
        kept.handlers.add(handler);
        if (kept.last) queueMicrotask(() => kept.handlers.has(handler) && handler(kept.last));
        // While a ticket is on its way there is no socket yet; it will follow this channel too.
        if (!this.#socket && this.state !== "connecting") this.#connect();
        else if (isFirst) this.#subscribe(channel);
        return () => this.#unfollow(channel, handler);
    }

    #unfollow(channel, handler) {
        const kept = this.#channels.get(channel);
        if (!kept?.handlers.delete(handler) || kept.handlers.size) return;
        this.#channels.delete(channel);
        this.#send({ action: "unsubscribe", channel });
    }

    async #connect() {
        clearTimeout(this.#retry);
        if (!session.isOpen || !this.#channels.size) return this.#become("idle");
        const generation = ++this.#generation;
        this.#become("connecting");
        let ticket = "";
        try {
            if (session.key) ({ ticket } = await api.post("/api/sockets/tickets"));
        } catch (error) {
            // A key that is refused stays so: another one starts over.
            if (error instanceof ApiError && [401, 403].includes(error.status)) return this.#become("refused");
            if (generation === this.#generation) this.#lost();
            return;
        }
        if (generation !== this.#generation) return;
        const socket = new WebSocket(address(ticket));
        this.#socket = socket;
        socket.onopen = () => {
            this.#retryMs = FIRST_RETRY_MS;
            this.#heardAt = Date.now();
            this.#become("live");
            for (const channel of this.#channels.keys()) this.#subscribe(channel);
        };
        socket.onmessage = ({ data }) => socket === this.#socket && this.#take(data);
        socket.onclose = () => socket === this.#socket && this.#lost();
    }

    #subscribe(channel) {
        const kept = this.#channels.get(channel);
        kept.at = Date.now();
        const resume = kept.sequence === null ? {} : { resume: Number(kept.sequence) };
        this.#send({ action: "subscribe", channel, ...resume });
    }

    #send(frame) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
    }

    #take(text) {
        this.#heardAt = Date.now();
        this.#become("live");
        const frame = parseExact(text);
        const kept = this.#channels.get(frame.channel);
        if (!kept) return;
        kept.at = Date.now();
        if (frame.error && frame.channel === "orders") this.#mend(kept, frame);
        if (frame.sequence !== undefined && !frame.error && !REPORTS.has(frame.channel)) kept.sequence = frame.sequence;
        if (REPORTS.has(frame.channel) && frame[frame.channel]) kept.last = frame;
        kept.handlers.forEach((handler) => handler(frame));
    }

    /** Begin anew where events are lost for good; ask again where it was too soon. */
    #mend(kept, frame) {
        const again = () => this.#channels.get("orders") === kept && this.#subscribe("orders");
        if (frame.error.startsWith("resume is") || frame.error.startsWith("events are missing")) {
            kept.sequence = null;
            kept.handlers.forEach((handler) => handler({ channel: "orders", gap: true }));
            if (!("sequence" in frame) || frame.error.startsWith("resume is")) setTimeout(again, 1_100);
        } else if (frame.retry_after_ms || frame.error.startsWith("unavailable")) {
            setTimeout(again, Number(frame.retry_after_ms ?? 1_000) + 50);
        }
    }

    #check() {
        if (!this.#socket || this.#socket.readyState !== WebSocket.OPEN) return;
        const silent = Date.now() - this.#heardAt;
        if (silent > STALE_MS) return this.#lost();
        if (silent > PING_MS) this.#send({ action: "ping" });
        for (const [channel, kept] of this.#channels) {
            if (REPORTS.has(channel) && Date.now() - kept.at > SILENT_MS) this.#subscribe(channel);
        }
    }

    #lost() {
        this.#drop();
        this.#become(session.isOpen && this.#channels.size ? "offline" : "idle");
        clearTimeout(this.#retry);
        // Not all pages at the same moment, when the gateway is back.
        this.#retry = setTimeout(() => this.#connect(), this.#retryMs * (0.5 + Math.random()));
        this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    }

    #restart(forget) {
        this.#drop();
        if (forget) {
            for (const kept of this.#channels.values()) Object.assign(kept, { sequence: null, last: null });
        }
        this.#retryMs = FIRST_RETRY_MS;
        this.#connect();
    }

    #drop() {
        this.#generation += 1;
        const socket = this.#socket;
        this.#socket = null;
        socket?.close();
    }

    #become(state) {
        if (state === this.state) return;
        this.state = state;
        this.#listeners.forEach((listener) => listener(state));
    }
}

export const socket = new Socket();
