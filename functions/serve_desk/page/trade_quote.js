/** The quote beside the ticket: what the order would yield now, how far the market is from it, and by which route. */

import { duration, el, replace, setText } from "./dom.js";
import { add, compare, fromAtoms, grouped, inverse, multiply, percent } from "./exact.js";
import { venueName } from "./market_pairs.js";
import { RouteView } from "./trade_route.js";

const MOST_FEES = 3;

export class QuoteView {
    #state = el("span", { class: "trade-live small muted", id: "trade-quote-state" });
    #numbers = el("div", { class: "trade-numbers" });
    #route = new RouteView();
    // It stays, so that what was scrolled to does.
    #venues = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Venues" });
    #note = el("p", { class: "muted", id: "trade-quote-note" }, "Enter an amount to see what it would yield.");
    #freshAt = 0;
    #hasFeesOpen = false;

    constructor() {
        this.#details = el(
            "div",
            { class: "trade-quote-more", hidden: true },
            this.#route.element,
            this.#venues,
            this.#route.legs,
        );
        this.element = el(
            "section",
            { class: "card trade-quote", "aria-labelledby": "trade-quote-title", id: "trade-quote" },
            el("div", { class: "trade-head" }, el("h2", { id: "trade-quote-title" }, "Quote"), this.#state),
            this.#note,
            el("div", { class: "trade-quote-body" }, this.#numbers, this.#details),
        );
    }

    #details;

    /** Show nothing but a line. */
    clear(text) {
        replace(this.#numbers);
        this.#details.hidden = true;
        this.#say(text);
        this.phase("none");
    }

    /** Say how fresh what is shown is; `why` is why it is not. */
    phase(name, why = "") {
        this.element.dataset.phase = name;
        const age = this.#freshAt ? `, the last one is ${duration(Date.now() - this.#freshAt)} old` : "";
        const words = { none: "", asking: "updating…", fresh: "live", failed: `not updated: ${why}${age}` };
        setText(this.#state, words[name]);
    }

    /** Show quotes: [{title, quote}], the first whole, of the others only how far the market is from them. */
    show(quotes, tokens) {
        const [{ title, quote }] = quotes;
        this.#freshAt = Date.now();
        const isPart = title && quotes.length === 1;
        this.#say(isPart ? `${title}: ${grouped(quote.amount)} ${quote.token_in}, as if it went now.` : "");
        const focused = document.activeElement?.id;
        replace(this.#numbers, yieldOf(quote), quotes.map(distanceOf), this.#terms(quote));
        if (focused === "trade-fees") document.getElementById(focused)?.focus();
        replace(this.#venues, venuesOf(quote, tokens));
        this.#details.hidden = false;
        this.#route.show(quote.route, tokens);
        this.phase("fresh");
        setText(this.#state, `live · slot ${quote.route.slot}`);
    }

    stop() {
        this.#route.stop();
    }

    #terms(quote) {
        const { token_in: sold, token_out: bought } = quote;
        const rows = [
            ["Price", `${grouped(quote.price)} ${bought}/${sold}`],
            ["or about", `${grouped(inverse(quote.price))} ${sold}/${bought}`],
            ["Price impact", `${percent(quote.price_impact)} %`],
            ["Over the best venue", `${grouped(quote.improvement_bps)} bps`],
            ["Fees", this.#fees(feesOf(quote))],
            ["Network fee", `${grouped(plain(quote.network_fee.amount))} ${quote.network_fee.token}`],
        ];
        return el(
            "dl",
            { class: "pairs" },
            rows.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]),
        );
    }

    /** Those of many tokens are folded, for they are the least of it. */
    #fees(fees) {
        const lines = fees.map((fee) => el("span", { class: "trade-fee" }, fee));
        if (fees.length <= MOST_FEES) return lines;
        const title = el("summary", { id: "trade-fees" }, `in ${fees.length} tokens`);
        const box = el("details", { open: this.#hasFeesOpen }, title, lines);
        title.addEventListener("click", () => (this.#hasFeesOpen = !box.open));
        return box;
    }

    #say(text) {
        setText(this.#note, text);
        this.#note.hidden = !text;
    }
}

function yieldOf(quote) {
    const least = el("span", { class: "number" }, `${grouped(quote.minimum_out)} ${quote.token_out}`);
    const words = { market: "at least ", limit: "it needs at least " };
    return el(
        "div",
        { class: "trade-yield" },
        el(
            "p",
            {
                class: "trade-big number",
                id: "trade-expected",
                "data-long": String(quote.expected_out.length > 12),
            },
            `${grouped(quote.expected_out)} ${quote.token_out}`,
        ),
        el("p", { class: "muted" }, words[quote.order_type ?? "market"] ?? "if it went now, at least ", least),
    );
}

/** How far the market is from what an order waits for. */
function distanceOf({ title, quote }) {
    if (quote.order_type === undefined) return null;
    const distance = quote.distance_bps;
    const what = quote.order_type === "limit" ? "the limit" : "the trigger";
    const name = title ? `${title}: ` : "";
    if (distance === null)
        return el("p", { class: "trade-distance" }, `${name}the market has no price yet for ${what}.`);
    const isThere = compare(distance, "0") <= 0;
    const there =
        quote.order_type === "limit" ? "it would be executed at once" : "a new order would be refused";
    const words = isThere
        ? [`${name}the market is at ${what}: ${there}.`]
        : [
              name,
              el("strong", { class: "number" }, `${multiply(distance, "0.01")} %`),
              ` (${grouped(distance)} bps) to ${what}`,
          ];
    const trigger = quote.trigger_price ? `, trigger ${grouped(quote.trigger_price)}` : "";
    const prices = quote.reference_price ? `reference ${grouped(quote.reference_price)}${trigger}` : "";
    const bar = el("div", { class: "trade-near", "aria-hidden": "true" }, el("div", {}));
    // A picture, not a number: full where the market is there, empty at 10 % and more.
    bar.firstChild.style.width = `${Math.max(0, Math.min(100, 100 - Number(distance) / 10))}%`;
    return el(
        "div",
        { class: "trade-distance", "data-there": String(isThere) },
        el("p", {}, words),
        prices ? el("p", { class: "small muted number long" }, prices) : null,
        bar,
    );
}

/** Return what the legs' fees come to, token by token. */
function feesOf({ fees }) {
    const sums = new Map();
    for (const { token, amount } of fees) sums.set(token, add(sums.get(token) ?? "0", amount));
    return [...sums].map(([token, amount]) => `${grouped(amount)} ${token}`);
}

function plain(amount) {
    return add(amount, "0");
}

function venuesOf(quote, tokens) {
    const decimals = tokens.find(({ symbol }) => symbol === quote.token_out)?.decimals;
    const paid = (atoms) =>
        decimals === undefined ? `${grouped(atoms)} atoms` : grouped(fromAtoms(atoms, decimals));
    const rows = quote.route.quotes.map(({ venue, amount_out: atoms, price, pools, error }) =>
        el(
            "tr",
            {},
            el("th", { scope: "row", class: "trade-venue", "data-venue": venue }, venueName(venue)),
            error
                ? el("td", { colspan: "3", class: "muted" }, error)
                : [
                      el("td", { class: "number" }, paid(atoms)),
                      el("td", { class: "number" }, grouped(price)),
                      el("td", { class: "number" }, String(pools.length)),
                  ],
        ),
    );
    const own = el(
        "tr",
        { class: "trade-own" },
        el("th", { scope: "row" }, "this route"),
        el("td", { class: "number" }, grouped(quote.expected_out)),
        el("td", { class: "number" }, grouped(quote.price)),
        el("td", { class: "number" }, String(new Set(quote.route.legs.map(({ pool }) => pool)).size)),
    );
    const head = ["Venue", `Pays, ${quote.token_out}`, "Price", "Pools"];
    return el(
        "table",
        {},
        el("caption", {}, "What each venue alone would pay"),
        el(
            "thead",
            {},
            el(
                "tr",
                {},
                head.map((text, place) => el("th", { scope: "col", class: place ? "number" : null }, text)),
            ),
        ),
        el("tbody", {}, own, rows),
    );
}
