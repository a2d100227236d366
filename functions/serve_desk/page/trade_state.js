/** What the ticket holds: kept while the tab lives, so that nothing is lost when another view is looked at. */

import { session } from "./session.js";

/** The types of orders as they are offered; `slippage` is what the engine allows by default, in per cent. */
export const TYPES = [
    {
        name: "market",
        label: "Market",
        slippage: "5",
        does: "Sells at once, for no less than the quote less the slippage.",
    },
    {
        name: "limit",
        label: "Limit",
        slippage: "",
        does: "Sells once the whole amount pays your price, or better.",
    },
    {
        name: "take_profit",
        label: "Take profit",
        slippage: "5",
        does: "Sells once the reference price has risen to the trigger.",
    },
    {
        name: "stop_loss",
        label: "Stop loss",
        slippage: "20",
        does: "Sells once the reference price has fallen to the trigger.",
    },
    {
        name: "trailing_stop",
        label: "Trailing stop",
        slippage: "20",
        does: "Follows the price up, and sells once it is so far below its highest.",
    },
    {
        name: "oco",
        label: "OCO",
        slippage: "",
        does: "A take profit and a stop loss: the first that is met sells, and the other is over.",
    },
    { name: "twap", label: "TWAP", slippage: "5", does: "Sells in equal slices, one after the other." },
    {
        name: "dca",
        label: "DCA",
        slippage: "5",
        does: "Buys in equal slices over time; another name for TWAP.",
    },
    {
        name: "sniper",
        label: "Sniper",
        slippage: "25",
        does: "Buys a token in the slot in which it is launched.",
    },
];

/** The tokens whose pools launches open in. */
export const HUBS = ["USDC", "SOL"];
const DOLLARS = new Set(["USDC", "USDT"]);

/** Return the type of this name. */
export function typeOf(name) {
    return TYPES.find((type) => type.name === name);
}

/** The ticket's fields by the API's names, as they were typed; those with a `~` are of the ticket alone. */
export const values = {
    order_type: "market",
    token_in: "SOL",
    token_out: "USDC",
    amount: "",
    price_in: "token_out",
    time_in_force: "gtc",
    "~expiry": "never",
    "~expires_unit": "86400",
    expires_in: "1",
    "~limit_by": "limit_price",
    allow_partial: false,
    "~target": "any",
    priority: "normal",
    "~then": false,
    "then.price_in": "token_out",
    "~then.take_profit": true,
    "~then.stop_loss": true,
    "~then.take_profit.by": "gain_bps",
    "~then.stop_loss.by": "loss_bps",
    slices: "10",
    interval: "60",
};

/** The parts of the ticket that are folded open. */
export const unfolded = new Set();

/** The orders placed in this tab, the latest first: [{id, title, at}]. */
export const placed = [];

const MOST_PLACED = 50;

/** Keep an order as placed here; returns whether it is one more. */
export function addPlaced(id, title) {
    if (placed.some((order) => order.id === id)) return false;
    placed.unshift({ id, title, at: new Date().toISOString() });
    placed.length = Math.min(placed.length, MOST_PLACED);
    return true;
}

/** The order of which no answer came: {body, key, title}, or null. */
export const sent = { unanswered: null };

session.onChange(() => {
    // They are another account's.
    placed.length = 0;
    sent.unanswered = null;
});

/** Have prices count dollars per token where there are dollars, as people write them. */
export function usualPrices() {
    const inDollars = DOLLARS.has(values.token_in) && !DOLLARS.has(values.token_out);
    values.price_in = inDollars ? "token_in" : "token_out";
    values["then.price_in"] = inDollars || !DOLLARS.has(values.token_out) ? "token_out" : "token_in";
}

// What two types of orders have under one name need not be the same in both.
const OF_ITS_TYPE = ["limit_price", "trigger_price", "trigger_slots", "max_slippage"];
const others = new Map(); // type → its own values, while another is shown

/** Have the ticket be one of the type that is in `values`, after one of another type. */
export function changeType(before) {
    others.set(before, Object.fromEntries(OF_ITS_TYPE.map((name) => [name, values[name]])));
    const own = others.get(values.order_type) ?? {};
    for (const name of OF_ITS_TYPE) values[name] = own[name] ?? "";
    if (values.order_type === "sniper") {
        if (!HUBS.includes(values.token_in)) values.token_in = HUBS[0];
        if (values.token_in === values.token_out)
            values.token_out = HUBS.find((hub) => hub !== values.token_in);
        values["then.price_in"] = "token_out";
    } else if (before === "sniper") usualPrices();
}

/** Turn the pair round; prices stay as they are written. */
export function flip() {
    [values.token_in, values.token_out] = [values.token_out, values.token_in];
    for (const name of ["price_in", "then.price_in"]) {
        values[name] = values[name] === "token_in" ? "token_out" : "token_in";
    }
}

/** Take the pair of an address, such as SOL-USDC, if both are tokens; returns whether it is another one. */
export function takePair(detail, tokens) {
    const found = detail.split("-").map((name) => {
        const wanted = name.toUpperCase();
        return tokens.find(({ symbol, mint }) => symbol.toUpperCase() === wanted || mint === name)?.symbol;
    });
    if (found.length !== 2 || !found[0] || !found[1] || found[0] === found[1]) return false;
    if (found[0] === values.token_in && found[1] === values.token_out) return false;
    [values.token_in, values.token_out] = found;
    usualPrices();
    return true;
}
