/** What is sold, for what, and at which of the market's prices: the ticket's fields in, their elements out. */

import { el } from "./dom.js";
import { add, isDecimal, multiply } from "./exact.js";
import { hasPrices } from "./trade_order.js";
import { HUBS, TYPES } from "./trade_state.js";

const STEPS = [
    ["-5", "−5 %"],
    ["-1", "−1 %"],
    ["0", "market"],
    ["1", "+1 %"],
    ["5", "+5 %"],
];

/** Return the choice of the order type. */
export function typesOf(fields, values) {
    const radios = TYPES.map(({ name, label }) => {
        const input = el("input", {
            type: "radio",
            name: "trade-order-type",
            id: `trade-type-${name}`,
            value: name,
            checked: name === values.order_type,
            onchange: () => fields.set("order_type", name, { isStructural: true }),
        });
        return el("label", { class: "trade-choice" }, input, el("span", {}, label));
    });
    return el(
        "fieldset",
        { class: "trade-types trade-choices" },
        el("legend", { class: "hidden" }, "Order type"),
        el("div", { class: "trade-choice-row" }, radios),
    );
}

/** Return what is sold and what is received; `out` shows how much, `onTurn` turns the pair round. */
export function pairOf(fields, values, listed, { out, onTurn }) {
    const isSniper = values.order_type === "sniper";
    const sold = fields.text("amount", isSniper ? "You pay" : "You sell", {
        class: "trade-amount",
        placeholder: "0.0",
    });
    const sellable = isSniper ? listed.filter(({ symbol }) => HUBS.includes(symbol)) : listed;
    const tokenIn = tokenOf(
        fields,
        values,
        sellable,
        "token_in",
        isSniper ? "Token to pay with" : "Token to sell",
    );
    if (isSniper) return el("div", { class: "trade-sides" }, el("div", { class: "trade-side" }, sold, tokenIn));
    const turn = el(
        "button",
        {
            type: "button",
            class: "trade-flip",
            id: "trade-flip",
            "aria-label": `Turn round: sell ${values.token_out} for ${values.token_in}`,
            title: "Turn round",
            onclick: onTurn,
        },
        "⇅",
    );
    const received = el(
        "div",
        { class: "field trade-amount" },
        el("label", { for: out.id }, hasPrices(values.order_type) ? "You would receive now" : "You receive"),
        out,
    );
    return el(
        "div",
        { class: "trade-sides" },
        el("div", { class: "trade-side" }, sold, tokenIn),
        turn,
        el(
            "div",
            { class: "trade-side" },
            received,
            tokenOf(fields, values, listed, "token_out", "Token to receive"),
        ),
    );
}

function tokenOf(fields, values, listed, name, label) {
    const known = listed.length ? listed : [{ symbol: values[name] }];
    const choices = ({ symbol }) => [symbol, symbol];
    // Only those that were launched have a price of their own beside the opening price.
    const launched = known.filter((token) => "price" in token);
    const others = known.filter((token) => !launched.includes(token));
    const gone = known.some(({ symbol }) => symbol === values[name])
        ? []
        : [[values[name], `${values[name]} (not listed)`]];
    return fields.select(name, label, [...gone, ...others.map(choices)], {
        isPlain: true,
        class: "trade-token",
        groups: launched.length ? [["Launched", launched.map(choices)]] : [],
    });
}

/** Return a row of prices to pick from; `priceAt(percent)` is the market's price, moved by so many per cent. */
export function pricesOf(fields, name, label, priceAt) {
    const pick = ([percent, text]) =>
        el(
            "button",
            {
                type: "button",
                class: "trade-step",
                id: `${fields.id(name)}-${percent}`,
                "aria-label": `${label}: ${percent === "0" ? "as the market is" : `market ${text}`}`,
                onclick: () => {
                    const price = priceAt(percent);
                    if (price) fields.set(name, price);
                },
            },
            text,
        );
    return el("div", { class: "trade-steps-row" }, STEPS.map(pick));
}

/** Return a price moved by so many per cent, exactly; "" where there is no price. */
export function moved(price, percent) {
    if (!price || !isDecimal(price)) return "";
    return multiply(price, add("1", multiply(percent, "0.01")));
}
