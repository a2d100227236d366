/** The ticket: the form in which an order is written, with what it would yield said as one types. */

import { el, replace, setText } from "./dom.js";
import { add, grouped, inverse, isDecimal, percent } from "./exact.js";
import { exitsSection, goodFor } from "./trade_exits.js";
import { Fields } from "./trade_fields.js";
import { fieldOf, isBounded } from "./trade_order.js";
import { moved, pairOf, pricesOf, typesOf } from "./trade_pair.js";
import { fold, sectionOf } from "./trade_sections.js";
import { changeType, flip, typeOf, usualPrices, values } from "./trade_state.js";

export class Ticket {
    #listed = [];
    #quote = null;
    #isWhole = true;
    #isStale = false;
    #ofQuote = new Set();
    #before = { type: values.order_type, token_in: values.token_in, token_out: values.token_out };
    #fields = new Fields(values, (name, isStructural) => this.#changed(name, isStructural));
    #onChange;
    #out = el("output", { class: "trade-out number", id: "trade-out", "aria-live": "off" }, "–");
    #least = el("p", { class: "trade-least small muted" });
    #alert = el("div", { class: "trade-alert", role: "alert", id: "trade-alert" });
    #submit = el("button", { type: "submit", class: "main trade-submit", id: "trade-submit" });
    #body = el("div", { class: "stack" });

    /** `onChange(name)` is called when what is asked for has changed, `onSubmit()` when it is to be placed. */
    constructor({ onChange, onSubmit }) {
        this.#onChange = onChange;
        this.element = el(
            "form",
            {
                class: "card trade-ticket",
                "aria-label": "New order",
                novalidate: true,
                onsubmit: (event) => {
                    event.preventDefault();
                    onSubmit();
                },
            },
            typesOf(this.#fields, values),
            this.#body,
            this.#least,
            this.#alert,
            this.#submit,
        );
        this.render();
    }

    /** The tokens that can be traded; their list may become longer. */
    set tokens(list) {
        const isSame =
            list.map(({ symbol }) => symbol).join() === this.#listed.map(({ symbol }) => symbol).join();
        this.#listed = list;
        if (!isSame) this.render();
    }

    get tokens() {
        return this.#listed;
    }

    /** Make the fields anew that the type has; what is focused stays so, and what is selected in it. */
    render() {
        const before = this.element.contains(document.activeElement) ? document.activeElement : null;
        const { id: focused, selectionStart, selectionEnd } = before ?? {};
        this.#before = { type: values.order_type, token_in: values.token_in, token_out: values.token_out };
        this.#fields.begin();
        const prices = (name, ofExit, label) =>
            values.order_type === "sniper"
                ? null
                : pricesOf(this.#fields, name, label, (percent) => moved(this.#market(ofExit), percent));
        const { order_type: type } = values;
        const hasExits = type === "sniper" || type === "market" || type === "limit";
        replace(
            this.#body,
            el("p", { class: "trade-does muted" }, typeOf(type).does),
            pairOf(this.#fields, values, this.#listed, { out: this.#out, onTurn: () => this.#flip() }),
            sectionOf(this.#fields, values, this.#listed, prices),
            type === "market" ? null : goodFor(this.#fields, values),
            hasExits ? exitsSection(this.#fields, values, this.#listed, prices) : null,
            fold("name", "Your own name for it", [
                this.#fields.text("client_order_id", "Client order id (optional)", {
                    inputmode: "text",
                    hint: "the same order sent again under this name within 24 hours is not placed twice",
                }),
            ]),
        );
        this.#showYield();
        const after = focused ? document.getElementById(focused) : null;
        after?.focus();
        // Only a line of text has a selection; without it what is typed next would stand at another place.
        if (Number.isInteger(selectionStart)) after?.setSelectionRange?.(selectionStart, selectionEnd);
    }

    /** Show what a quote says that the order yields, null: nothing; where it is not `isWhole` only its prices count. */
    setQuote(quote, { isWhole = true } = {}) {
        this.#quote = quote;
        this.#isStale = false;
        this.#isWhole = isWhole;
        this.#showYield();
    }

    /** Whether the quote is of what was asked for before: what it yields is no answer any more. */
    get isStale() {
        return this.#isStale;
    }

    set isStale(isStale) {
        this.#isStale = isStale;
        this.#showYield();
    }

    set isBusy(isBusy) {
        this.#submit.setAttribute("aria-disabled", String(isBusy));
        this.#submit.dataset.busy = String(isBusy);
    }

    /** Say something that is at no field, or nothing. */
    say(...children) {
        replace(this.#alert, ...children);
    }

    /** Show the rules that an order breaks at their fields, and have the first focused; returns those at no field. */
    showErrors(errors) {
        const [rules, others] = this.#rulesOf(errors);
        this.#ofQuote.clear();
        this.#fields.markAll(rules);
        this.#fields.focusFirst();
        return others;
    }

    /**
     * Show the rules that a quote's query breaks at those fields into which something was typed, and no others that a
     * quote before it broke; returns those at no field. `prefix` stands before the names that the query has.
     */
    showQuoteErrors(errors, prefix = "") {
        const [rules, others] = this.#rulesOf(errors, prefix);
        for (const name of this.#ofQuote) if (!rules.has(name)) this.#fields.mark(name, "");
        this.#ofQuote = new Set();
        for (const [name, rule] of rules) {
            if (!values[name]) continue;
            this.#fields.mark(name, rule);
            this.#ofQuote.add(name);
        }
        return others;
    }

    #rulesOf(errors, prefix = "") {
        const [rules, others] = [new Map(), []];
        for (const { field, rule } of errors) {
            const names = this.#fields.names;
            const name = names.has(prefix + field) ? prefix + field : fieldOf(field, names);
            if (!name) others.push(`${field} ${rule}`);
            else rules.set(name, name.endsWith("max_slippage") ? inPercent(rule) : rule);
        }
        return [rules, others];
    }

    /** Take values from elsewhere on the page. */
    take(given) {
        Object.assign(values, given);
        this.render();
        this.#onChange("");
    }

    #flip() {
        const received = this.#isWhole ? this.#quote?.expected_out : "";
        flip();
        if (received && values.amount) values.amount = add(received, "0");
        this.render();
        this.#onChange("token_in");
    }

    /** Return the market's price as the order's prices are written, or as its exits' are. */
    #market(ofExit) {
        const quote = this.#quote;
        if (!quote) return "";
        if (!ofExit && quote.reference_price) return quote.reference_price;
        const isTurned = (values[ofExit ? "then.price_in" : "price_in"] === "token_in") !== ofExit;
        return isTurned ? inverse(quote.price) : quote.price;
    }

    #changed(name, isStructural) {
        const { type, token_in: sold, token_out: bought } = this.#before;
        // The token of one side chosen on the other too: they change places.
        if (name === "token_in" && values.token_in === values.token_out) values.token_out = sold;
        if (name === "token_out" && values.token_in === values.token_out) values.token_in = bought;
        if (name.startsWith("token_")) usualPrices();
        if (name === "order_type") {
            changeType(type);
            this.#fields.markAll(new Map());
        }
        if (name === "time_in_force" && values.time_in_force === "gtd" && values["~expiry"] === "never") {
            values["~expiry"] = "for";
        }
        if (isStructural) this.render();
        else this.#showYield();
        this.#onChange(name);
    }

    #showYield() {
        const hasPrice = this.#market(false) !== "";
        for (const step of this.#body.querySelectorAll(".trade-step")) step.disabled = !hasPrice;
        const quote = this.#isWhole ? this.#quote : null;
        const received = quote ? grouped(quote.expected_out) : "–";
        this.#out.dataset.long = String(received.length > 12);
        setText(this.#out, received);
        this.#out.dataset.stale = String(this.#isStale);
        const least =
            quote && !this.#isStale && isBounded(values)
                ? `${grouped(quote.minimum_out)} ${quote.token_out}`
                : "";
        setText(this.#least, least ? `At least ${least}, or nothing is sold.` : "");
        const amount = isDecimal(values.amount.trim()) ? `${grouped(values.amount.trim())} ` : "";
        const what =
            values.order_type === "sniper"
                ? `a launch for ${amount}${values.token_in}`
                : `${amount}${values.token_in} for ${values.token_out}`;
        const verb =
            { market: "Sell", sniper: "Wait for" }[values.order_type] ??
            `${typeOf(values.order_type).label}: sell`;
        setText(this.#submit, `${verb} ${what}`);
    }
}

/** The ticket has slippages in per cent, and the API as fractions. */
function inPercent(rule) {
    const range = /^must be from (0\.\d+) to (0\.\d+)$/.exec(rule);
    if (range) return `must be from ${percent(range[1])} to ${percent(range[2])} %`;
    return rule.replace("at most 4 decimals", "at most 2 decimals");
}
