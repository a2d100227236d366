/** The view Market: the pairs as they move, one of them on a chart with own orders, pools, depth, and launches. */

import { el, replace } from "./dom.js";
import { pairList } from "./market_list.js";
import { launchList } from "./market_launches.js";
import { isOf, marksOf, marksTable } from "./market_orders.js";
import { PairPanel } from "./market_pair.js";
import { pairAt } from "./market_pairs.js";
import { poolsPanel } from "./market_pools.js";
import { followReports, freshness } from "./reports.js";

/** Reports come at least every 5 s, also of a market that stands still. */
const STALE_MS = 8_000;
const POOLS_MS = 10_000;
const MARKS_MS = 250;
/** Where there is room for both (market.css), a pair is shown beside the list also when none was chosen. */
const WIDE = "(min-width: 64rem)";
const FIRST = "SOL-USDC";

/** Show the view in `root`; returns what ends it, and what shows another pair. */
export function mount(root, context) {
    const view = new MarketView(root, context);
    return { unmount: () => view.end(), update: (detail) => view.choose(detail) };
}

class MarketView {
    #context;
    #root;
    #fresh = freshness();
    #list = pairList(this.#fresh.element);
    #launches;
    #chosen = el("div", { class: "stack chosen" });
    #detail;
    #report = null;
    #panel = null;
    #pair = null;
    #pools = null;
    #marks = null;
    #marking = null;
    #wasLive = true;
    #wide = matchMedia(WIDE);
    #ends;

    constructor(root, context) {
        this.#context = context;
        this.#root = root;
        this.#detail = context.detail ?? "";
        this.#launches = launchList(context.tokens());
        replace(root, this.#layout());
        this.choose(this.#detail);
        const recolour = () => this.#panel?.recolour();
        const dark = matchMedia("(prefers-color-scheme: dark)");
        const resized = () => this.#open();
        addEventListener("themechange", recolour);
        dark.addEventListener("change", recolour);
        this.#wide.addEventListener("change", resized);
        const pools = setInterval(() => this.#readPools(), POOLS_MS);
        this.#ends = [
            followReports(context.socket, "market", {
                staleMs: STALE_MS,
                onReport: (report) => this.#take(report),
                onState: (state) => this.#become(state),
            }),
            context.orders.onChange((changed) => this.#markSoon(changed)),
            () => removeEventListener("themechange", recolour),
            () => dark.removeEventListener("change", recolour),
            () => this.#wide.removeEventListener("change", resized),
            () => clearInterval(pools),
            () => clearTimeout(this.#marking),
        ];
    }

    /** Show the pair of an address, such as SOL-USDC, or the list alone for "". */
    choose(detail) {
        this.#detail = detail;
        this.#root.querySelector(".market")?.classList.toggle("has-pair", detail !== "");
        this.#open();
    }

    end() {
        this.#ends.forEach((end) => end());
        this.#close();
    }

    #layout() {
        const library = el("a", { href: "https://www.tradingview.com/", rel: "noopener noreferrer" }, "TradingView");
        const foot = el("p", { class: "muted small foot" }, "Charts by Lightweight Charts™ of ", library, ".");
        const side = el("div", { class: "side" }, this.#list.element);
        const main = el("div", { class: "stack" }, this.#chosen, this.#launches.element, foot);
        return el("div", { class: "market" }, side, main);
    }

    #take(report) {
        this.#report = report;
        this.#list.show(report);
        this.#launches.show(report);
        if (!this.#panel) this.#open();
        this.#panel?.take(report);
    }

    #become(state) {
        this.#fresh.show(state);
        const isLive = state.name === "live";
        const isOld = ["stale", "lost", "paused"].includes(state.name);
        this.#root.querySelector(".market")?.toggleAttribute("data-stale", isOld);
        // What came meanwhile is known to the server alone.
        if (isLive && !this.#wasLive) {
            this.#panel?.readPast();
            this.#readPools();
        }
        this.#wasLive = isLive || state.name === "waiting";
    }

    /** Show the chosen pair as soon as a report has said which pairs there are. */
    #open() {
        const pair = this.#wanted();
        if (pair && pair.pair === this.#pair?.pair) return;
        this.#close();
        this.#list.mark(pair);
        if (!pair && !this.#detail) return replace(this.#chosen);
        if (!pair) return replace(this.#chosen, this.#notYet());
        this.#pair = pair;
        this.#panel = new PairPanel(this.#context.api, pair);
        this.#pools = poolsPanel(pair, this.#context.tokens());
        this.#marks = marksTable();
        replace(this.#chosen, this.#panel.element, this.#marks.element, this.#pools.element);
        this.#panel.start();
        this.#readPools();
        this.#mark();
    }

    #wanted() {
        if (!this.#report) return null;
        const { pairs } = this.#report;
        if (this.#detail) return pairAt(this.#detail, pairs);
        return this.#wide.matches ? (pairAt(FIRST, pairs) ?? pairs[0]) : null;
    }

    #notYet() {
        if (!this.#report) return el("p", { class: "card muted" }, "Waiting for the market …");
        const back = el("a", { href: "#market" }, "All pairs");
        return el("p", { class: "card" }, `There are no pools of ${this.#detail.replace("-", "/")}. `, back);
    }

    #close() {
        this.#panel?.end();
        this.#panel = this.#pools = this.#marks = this.#pair = null;
    }

    async #readPools() {
        const [pair, pools] = [this.#pair, this.#pools];
        if (!pair || document.hidden) return;
        const { token_in, token_out } = pair;
        try {
            await pools.show(await this.#context.api.get("/api/market/pools", { query: { token_in, token_out } }));
        } catch (error) {
            pools.fail(error);
        }
    }

    #markSoon(changed) {
        const concerns = (order) => !order || isOf(order, this.#pair);
        if (!this.#pair || ![...changed].some((id) => concerns(this.#context.orders.get(id)))) return;
        this.#marking ??= setTimeout(() => {
            this.#marking = null;
            this.#mark();
        }, MARKS_MS);
    }

    #mark() {
        if (!this.#pair) return;
        const marks = marksOf(this.#context.orders.all(), this.#pair);
        this.#panel.mark(marks);
        this.#marks.show(marks);
    }
}
