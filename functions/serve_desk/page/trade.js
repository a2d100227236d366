/** The view trade: the ticket, what the order would yield as one types, and what becomes of those placed here. */

import { ApiError } from "./api.js";
import { el, replace } from "./dom.js";
import { grouped, isDecimal } from "./exact.js";
import { followReports } from "./reports.js";
import { Feed } from "./trade_feed.js";
import { LaunchesView } from "./trade_launches.js";
import { bodyOf, quotesOf } from "./trade_order.js";
import { PlacedView } from "./trade_placed.js";
import { QuoteView } from "./trade_quote.js";
import { addPlaced, sent, takePair, typeOf, usualPrices, values } from "./trade_state.js";
import { isUnknown, place, whyNot } from "./trade_submit.js";
import { Ticket } from "./trade_ticket.js";

const TOKENS_MS = 10_000;

class TradeView {
    #context;
    #isPlacing = false;
    #isTyped = false;
    #pair = "";
    #wanted = "";
    #ticket = new Ticket({ onChange: (name) => this.#changed(name), onSubmit: () => this.#submit() });
    #quote = new QuoteView();
    #launches = new LaunchesView((launch) => this.#target(launch));
    #placed;
    #feed;
    #reading;
    #unfollow;

    constructor(root, context) {
        this.#context = context;
        this.#placed = new PlacedView(context.socket);
        replace(
            root,
            el(
                "div",
                { class: "trade" },
                el(
                    "div",
                    { class: "trade-left" },
                    el("h2", { class: "hidden" }, "New order"),
                    this.#ticket.element,
                ),
                el(
                    "div",
                    { class: "stack" },
                    this.#placed.element,
                    this.#quote.element,
                    this.#launches.element,
                ),
            ),
        );
        this.#feed = new Feed(
            (signal) => this.#ask(signal),
            (state) => this.#show(state),
        );
        this.#wanted = context.detail;
        this.#readTokens();
        this.#reading = setInterval(() => !document.hidden && this.#readTokens(), TOKENS_MS);
        // Slots pass, and with them prices, only while somebody follows the market, or orders are under way.
        this.#unfollow = followReports(context.socket, "market");
        this.#showUnanswered();
    }

    stop() {
        this.#unfollow();
        clearInterval(this.#reading);
        this.#feed.stop();
        this.#quote.stop();
        this.#placed.stop();
    }

    /** Take the pair of an address, as soon as it is known which tokens there are. */
    take(detail) {
        this.#wanted = this.#ticket.tokens.length ? "" : detail;
        if (!detail || !takePair(detail, this.#ticket.tokens)) return;
        this.#ticket.render();
        this.#feed.changed(0);
    }

    async #readTokens() {
        try {
            const list = await this.#context.tokens({ anew: true });
            // A list that is open for choosing stays as it is.
            if (document.activeElement?.tagName !== "SELECT") this.#ticket.tokens = list;
            this.take(this.#wanted);
        } catch (error) {
            // The quote says that nothing answers.
            if (!(error instanceof ApiError)) throw error;
        }
    }

    #changed(name) {
        if (name === "order_type" || name.startsWith("token_") || !name) {
            history.replaceState(null, "", `#trade/${values.token_in}-${values.token_out}`);
        }
        if (!sent.unanswered) this.#ticket.say();
        this.#isTyped = true;
        this.#feed.changed(name ? undefined : 0);
    }

    #ask(signal) {
        const { api } = this.#context;
        if (!this.#context.session.isOpen) return null;
        if (values.order_type === "sniper") {
            return api.get("/api/launches", { query: { status: "announced", limit: "20" }, signal });
        }
        const asked = quotesOf(values, this.#ticket.tokens);
        if (!asked.length) return null;
        return Promise.all(
            asked.map(async ({ title, prefix, query }) => {
                try {
                    return { title, quote: await api.get("/api/quote", { query, signal }) };
                } catch (error) {
                    error.prefix = prefix;
                    throw error;
                }
            }),
        );
    }

    #show({ phase, answer, error, retryMs }) {
        const isSniper = values.order_type === "sniper";
        this.#quote.element.hidden = isSniper;
        this.#launches.element.hidden = !isSniper;
        const pair = `${values.token_in}>${values.token_out}`;
        if (isSniper || phase === "none" || pair !== this.#pair) this.#forget(pair, phase);
        if (isSniper) return this.#showLaunches(phase, answer, error);
        if (phase === "fresh") return this.#showQuotes(answer);
        if (phase === "failed" && retryMs === null) return this.#refused(error);
        if (phase === "asking") this.#ticket.isStale = true;
        // What was asked for before may be shown for a moment, but not for as long as there is no other.
        if (phase === "failed" && this.#ticket.isStale) this.#ticket.setQuote(null);
        return this.#quote.phase(phase, phase === "failed" ? this.#whyNone(error) : "");
    }

    #forget(pair, phase) {
        this.#pair = pair;
        this.#ticket.setQuote(null);
        if (phase === "none") this.#ticket.showQuoteErrors([]);
        const needed = this.#context.session.isOpen ? "Enter an amount" : "Enter an API key above";
        this.#quote.clear(phase === "none" ? `${needed} to see what it would yield.` : "");
    }

    #showLaunches(phase, answer, error) {
        if (phase === "fresh") this.#launches.show(answer, this.#ticket.tokens);
        else this.#launches.phase(phase, error ? this.#whyNone(error) : "");
    }

    #showQuotes(quotes) {
        const [{ quote, title }] = quotes;
        this.#ticket.showQuoteErrors([]);
        // Of an order in slices only the first slice is quoted, which is not what the order yields.
        this.#ticket.setQuote(quote, { isWhole: !title || quotes.length > 1 || values.order_type === "oco" });
        this.#quote.show(quotes, this.#ticket.tokens);
        // Said once for what was typed, and not every two seconds.
        if (this.#isTyped)
            this.#context.announce(`would yield ${grouped(quote.expected_out)} ${quote.token_out}`);
        this.#isTyped = false;
    }

    /** A quote was refused: the rules stand at their fields, and here is what is at none. */
    #refused(error) {
        const others = this.#ticket.showQuoteErrors(error.errors, error.prefix);
        this.#ticket.setQuote(null);
        const said = error.errors.length ? others.join("; ") : error.message;
        this.#quote.clear(
            `No quote: ${said || error.errors.map(({ field, rule }) => `${field} ${rule}`).join("; ")}`,
        );
    }

    #whyNone(error) {
        if (error.status === 429) return "too many requests of this account";
        if (error.status === 503) return "the engine carries no more quotes right now";
        return error.message;
    }

    async #submit() {
        if (this.#isPlacing) return;
        await this.#place(bodyOf(values), titleOf(values));
    }

    async #place(body, title) {
        this.#isPlacing = true;
        this.#ticket.isBusy = true;
        this.#ticket.say();
        try {
            const answer = await place(body, title);
            const isNew = addPlaced(answer.order_id, title);
            this.#ticket.showErrors([]);
            if (!isNew)
                this.#ticket.say(el("p", {}, "This order was placed already; it was not placed again."));
            this.#context.announce(isNew ? `Placed: ${title}` : "");
            this.#placed.show();
            this.#showUnanswered();
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            this.#notPlaced(error);
        } finally {
            this.#isPlacing = false;
            this.#ticket.isBusy = false;
        }
    }

    #notPlaced(error) {
        if (isUnknown(error)) return this.#showUnanswered(whyNot(error, []));
        const others = this.#ticket.showErrors(error.errors);
        return this.#ticket.say(el("p", { class: "bad" }, whyNot(error, others)));
    }

    /** Say that an order got no answer, and have it sent again, which makes no second one. */
    #showUnanswered(why = "An order got no answer: it may have been placed or not.") {
        const order = sent.unanswered;
        if (!order) return;
        const again = el(
            "button",
            { type: "button", id: "trade-again", onclick: () => this.#again() },
            "Ask again",
        );
        const leave = el(
            "button",
            { type: "button", id: "trade-leave", onclick: () => this.#leave() },
            "Leave it",
        );
        this.#ticket.say(
            el("p", { class: "bad" }, why),
            el(
                "p",
                { class: "small" },
                `${order.title}. To ask again places it if it was not, and never twice.`,
            ),
            el("div", { class: "row" }, again, leave),
        );
    }

    async #again() {
        if (!this.#isPlacing && sent.unanswered) await this.#place(sent.unanswered.body, sent.unanswered.title);
    }

    #leave() {
        sent.unanswered = null;
        this.#ticket.say();
    }

    #target(launch) {
        this.#ticket.take({ "~target": "mint", "target.mint": launch.token.mint, token_in: launch.quote });
    }
}

function titleOf({ order_type: type, amount, token_in: sold, token_out: bought }) {
    const shown = isDecimal(amount.trim()) ? grouped(amount.trim()) : amount.trim();
    return `${typeOf(type).label}: ${shown} ${sold} → ${type === "sniper" ? "a launch" : bought}`;
}

let isFirst = true;

/** Show the view in `root`; returns what ends it, and what takes another pair of the address. */
export function mount(root, context) {
    if (isFirst) usualPrices();
    isFirst = false;
    const view = new TradeView(root, context);
    return { unmount: () => view.stop(), update: (detail) => view.take(detail) };
}
