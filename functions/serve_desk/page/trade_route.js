/** A route, drawn: how the order flows from token to token, and below it every leg with its pool and its share. */

import { el, replace, setText } from "./dom.js";
import { fromAtoms, grouped } from "./exact.js";
import { programName } from "./market_pairs.js";
import { flowOf, shareOf } from "./trade_flow.js";

const MOST_OPEN = 6;

export class RouteView {
    #drawing = el("div", { class: "trade-flow" });
    #list = el("div", { class: "trade-edges" });
    #title = el("summary", {});
    #folds = new Map(); // "SOL>USDC", and "" for all of them → whether it is open, where somebody has said so
    #shown = null;
    #watcher = new ResizeObserver(() => this.#draw());

    constructor() {
        this.element = el(
            "section",
            { "aria-labelledby": "trade-route-title" },
            el("h3", { id: "trade-route-title", class: "trade-subtitle" }, "Route"),
            this.#drawing,
        );
        /** Every leg, in words and numbers. */
        this.legs = el("details", { class: "trade-legs" }, this.#title, this.#list);
        this.#title.addEventListener("click", () => this.#folds.set("", !this.legs.open));
        this.#watcher.observe(this.#drawing);
    }

    show(route, tokens) {
        this.#shown = { route, edges: edgesOf(route) };
        this.#draw();
        const { edges } = this.#shown;
        const focused = document.activeElement?.closest?.("[data-edge]")?.dataset.edge;
        const isLong = route.legs.length > MOST_OPEN;
        setText(this.#title, route.legs.length === 1 ? "One leg" : `All ${route.legs.length} legs`);
        this.legs.open = this.#folds.get("") ?? !isLong;
        replace(
            this.#list,
            edges.map((edge) => this.#edge(edge, tokens, isLong)),
        );
        if (focused) this.#list.querySelector(`[data-edge="${CSS.escape(focused)}"] summary`)?.focus();
    }

    stop() {
        this.#watcher.disconnect();
    }

    #edge(edge, tokens, isLong) {
        const key = `${edge.from}>${edge.to}`;
        const pools = edge.legs.length === 1 ? "1 pool" : `${edge.legs.length} pools`;
        const summary = el(
            "summary",
            {},
            el("span", { class: "trade-hop" }, `${edge.from} → ${edge.to}`),
            el("span", { class: "muted" }, ` ${pools}`),
            el("span", { class: "number trade-share" }, shareOf(edge.shareBps)),
        );
        const open = this.#folds.get(key) ?? !isLong;
        const box = el(
            "details",
            { open, "data-edge": key },
            summary,
            el(
                "ul",
                {},
                edge.legs.map((leg) => legOf(leg, tokens)),
            ),
        );
        // Not `toggle`, which also comes of being made open.
        summary.addEventListener("click", () => this.#folds.set(key, !box.open));
        return box;
    }

    #draw() {
        const width = Math.round(this.#drawing.clientWidth);
        if (!this.#shown || !width) return;
        replace(this.#drawing, flowOf(this.#shown.edges, this.#shown.route, Math.min(width, 900)));
    }
}

/** Return the legs by the pair that they trade: [{from, to, legs, shareBps}], each behind those that pay into it. */
function edgesOf({ legs }) {
    const edges = new Map();
    for (const leg of legs) {
        const key = `${leg.token_in}>${leg.token_out}`;
        if (!edges.has(key)) edges.set(key, { from: leg.token_in, to: leg.token_out, legs: [], shareBps: 0n });
        const edge = edges.get(key);
        edge.legs.push(leg);
        edge.shareBps += BigInt(leg.share_bps);
    }
    return [...edges.values()];
}

function legOf(leg, tokens) {
    const bar = el("span", { class: "trade-bar", "aria-hidden": "true" }, el("span", {}));
    bar.firstChild.style.width = `${Math.max(1, Number(leg.share_bps) / 100)}%`;
    return el(
        "li",
        {},
        el("span", { class: "trade-venue", "data-venue": leg.venue }, programName(leg.pool.split(":")[0])),
        el("span", { class: "number trade-share" }, shareOf(leg.share_bps)),
        bar,
        el(
            "span",
            { class: "number small muted trade-leg-amounts" },
            `${amountOf(leg.amount_in, leg.token_in, tokens)} → ${amountOf(leg.amount_out, leg.token_out, tokens)}`,
        ),
    );
}

function amountOf(atoms, symbol, tokens) {
    const token = tokens.find((each) => each.symbol === symbol);
    return token
        ? `${grouped(fromAtoms(atoms, token.decimals))} ${symbol}`
        : `${grouped(atoms)} atoms of ${symbol}`;
}
