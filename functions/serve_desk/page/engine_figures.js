/** The engine's figures at a glance: a report in, tiles out. */

import { el, setText } from "./dom.js";
import { grouped } from "./exact.js";

const TILES = [
    { name: "placed", label: "Placed per second", value: (report) => report.orders_per_second?.placed },
    { name: "ended", label: "Ended per second", value: (report) => report.orders_per_second?.ended },
    { name: "p50", label: "Median latency, ms", value: (report) => report.latency_ms?.p50 },
    { name: "p99", label: "99th percentile, ms", value: (report) => report.latency_ms?.p99 },
    { name: "resting", label: "Resting", value: (report) => report.resting },
    { name: "sockets", label: "Sockets", value: (report) => report.sockets },
    { name: "retries", label: "Retries per minute", value: (report) => report.retries, isBadAboveZero: true },
    { name: "dead_letters", label: "Dead letters", value: (report) => report.dead_letters, isBadAboveZero: true },
    { name: "slot", label: "Slot", value: (report) => report.slot },
];

/** Tiles with the newest of each figure, and whether each store answers. */
export class Figures {
    #values = new Map();
    #stores = new Map();
    #tiles = el("dl", { class: "tiles" });
    element = el("section", { "aria-label": "Figures" }, this.#tiles);

    constructor() {
        for (const { name, label } of TILES) this.#values.set(name, this.#tile(label, name));
    }

    show(report) {
        for (const { name, value, isBadAboveZero } of TILES) {
            const shown = value(report);
            const tile = this.#values.get(name);
            setText(tile.value, grouped(shown));
            if (isBadAboveZero) tile.element.dataset.state = Number(shown ?? 0) > 0 ? "warn" : "";
        }
        for (const [store, health] of Object.entries(report.stores ?? {})) this.#store(store, health);
    }

    #tile(label, name) {
        const value = el("span", { class: "value" }, "–");
        const said = [el("dt", {}, label), el("dd", {}, value)];
        const element = el("div", { class: "tile", "data-figure": name }, said);
        this.#tiles.append(element);
        return { element, value };
    }

    #store(store, health) {
        if (!this.#stores.has(store)) this.#stores.set(store, this.#tile(NAMES[store] ?? store, store));
        const tile = this.#stores.get(store);
        tile.element.dataset.state = health === "ok" ? "good" : "bad";
        setText(tile.value, health);
    }
}

const NAMES = { redis: "Redis", postgres: "Postgres" };
