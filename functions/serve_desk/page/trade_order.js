/** What was typed into the ticket in, an order's body or a quote's query out: all numbers as strings. */

import { compare, fromAtoms, isDecimal, multiply, toAtoms } from "./exact.js";

const TRIGGERS = new Set(["take_profit", "stop_loss", "trailing_stop"]);
const PRICED = new Set(["limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "dca"]);

/** Return whether a type waits for prices, which its pair then has to have. */
export function hasPrices(type) {
    return PRICED.has(type);
}

/** Return whether a type is one that rests. */
export function waits(type) {
    return type !== "market";
}

/** Return whether the least that an order receives is known from its quote: it goes now, or has a limit. */
export function isBounded(values) {
    const type = values.order_type;
    return type === "market" || type === "limit" || (TRIGGERS.has(type) && text(values.limit_price) !== "");
}

/** Return the body of the order that the ticket asks for. */
export function bodyOf(values) {
    const type = values.order_type;
    return without({
        order_type: type,
        token_in: values.token_in,
        token_out: type === "sniper" ? "" : values.token_out,
        amount: text(values.amount),
        client_order_id: text(values.client_order_id),
        ...(BY_TYPE[type] ?? slicesOf)(values),
        ...(PRICED.has(type) ? { price_in: values.price_in } : {}),
        ...(waits(type) ? howLong(values) : {}),
        ...(["market", "limit", "sniper"].includes(type) && values["~then"] ? { then: exitsOf(values) } : {}),
    });
}

const BY_TYPE = {
    market: (values) => ({ max_slippage: fraction(values.max_slippage) }),
    limit: (values) => ({
        [values["~limit_by"]]: text(values[values["~limit_by"]]),
        allow_partial: values.allow_partial || "",
    }),
    take_profit: (values) => triggerOf(values, "", ["trigger_price"]),
    stop_loss: (values) => triggerOf(values, "", ["trigger_price"]),
    trailing_stop: (values) => triggerOf(values, "", ["trail_bps", "activation_price"]),
    oco: (values) => ({
        take_profit: triggerOf(values, "take_profit.", ["trigger_price"]),
        stop_loss: triggerOf(values, "stop_loss.", ["trigger_price"]),
    }),
    sniper: (values) => ({
        target: values["~target"] === "any" ? { any: true } : without({ mint: text(values["target.mint"]) }),
        filters: filtersOf(values),
        priority: values.priority,
        max_slippage: fraction(values.max_slippage),
    }),
};

function slicesOf(values) {
    return {
        slices: text(values.slices),
        interval: text(values.interval),
        limit_price: text(values.limit_price),
        max_slippage: fraction(values.max_slippage),
    };
}

function triggerOf(values, prefix, names) {
    const own = Object.fromEntries(names.map((name) => [name, text(values[prefix + name])]));
    return without({
        ...own,
        limit_price: text(values[`${prefix}limit_price`]),
        trigger_slots: text(values[`${prefix}trigger_slots`]),
        max_slippage: fraction(values[`${prefix}max_slippage`]),
    });
}

function filtersOf(values) {
    const flags = ["mint_renounced", "freezable", "lp_burned"].map((name) => {
        const wanted = values[`filters.${name}`];
        return [name, wanted ? wanted === "true" : ""];
    });
    return without({
        ...Object.fromEntries(flags),
        max_top10_bps: text(values["filters.max_top10_bps"]),
        min_liquidity: text(values["filters.min_liquidity"]),
        venue: text(values["filters.venue"]),
    });
}

function exitsOf(values) {
    const exits = ["take_profit", "stop_loss"]
        .filter((rule) => values[`~then.${rule}`])
        .map((rule) => [rule, triggerOf(values, `then.${rule}.`, [values[`~then.${rule}.by`]])]);
    return { price_in: values["then.price_in"], ...Object.fromEntries(exits) };
}

function howLong(values) {
    const ends = {
        never: {},
        for: { expires_in: secondsOf(values) },
        until: { expires_at: timeOf(values.expires_at) },
    }[values["~expiry"]];
    return { time_in_force: forceOf(values), ...ends };
}

function forceOf({ order_type: type, time_in_force: wanted }) {
    return type !== "limit" && ["fok", "ioc"].includes(wanted) ? "gtc" : wanted;
}

// Where an end is wanted, an empty one is sent too: it is refused, at its field.
function secondsOf(values) {
    const typed = String(values.expires_in ?? "").trim();
    return isDecimal(typed) ? multiply(typed, values["~expires_unit"]) : { empty: typed };
}

function timeOf(typed) {
    const at = new Date(typed ?? "");
    return Number.isNaN(at.getTime()) ? { empty: typed ?? "" } : at.toISOString();
}

function fraction(percent) {
    const typed = text(percent);
    return isDecimal(typed) ? multiply(typed, "0.01") : typed;
}

function text(value) {
    return String(value ?? "").trim();
}

function without(members) {
    const given = Object.entries(members).filter(([, value]) => value !== "" && value !== undefined);
    return Object.fromEntries(
        given.map(([name, value]) => [name, value?.empty === undefined ? value : value.empty]),
    );
}

/** Return how much the first slice sells, in units; "" where that can't be said. */
export function sliceOf(values, tokens) {
    const token = tokens.find(({ symbol }) => symbol === values.token_in);
    const [amount, slices] = [text(values.amount), text(values.slices)];
    if (!token || !isDecimal(amount) || !/^[1-9]\d{0,3}$/.test(slices) || compare(amount, "0") <= 0) return "";
    return fromAtoms(toAtoms(amount, token.decimals) / BigInt(slices), token.decimals);
}

/**
 * Return what is to be asked for a quote: [{title, prefix, query}], the first for what the whole order would yield;
 * none where too little was typed. `prefix` stands before the query's fields in the ticket. Where the price that an
 * order waits for is missing, it is quoted as if it went now.
 */
export function quotesOf(values, tokens) {
    const type = values.order_type;
    if (type === "sniper" || !text(values.amount)) return [];
    const pair = { token_in: values.token_in, token_out: values.token_out, amount: text(values.amount) };
    const slippage = { max_slippage: fraction(values.max_slippage) };
    if (type === "limit") {
        const least = text(values[values["~limit_by"]]);
        const limit = { order_type: type, [values["~limit_by"]]: least, price_in: values.price_in };
        return [{ title: "", prefix: "", query: { ...pair, ...(least ? limit : {}) } }];
    }
    if (type === "oco") return quotesOfBoth(values, pair);
    if (TRIGGERS.has(type)) return [quoteOfTrigger(values, pair, type, "")];
    if (type === "market") return [{ title: "", prefix: "", query: { ...pair, ...slippage } }];
    const amount = sliceOf(values, tokens);
    const least = text(values.limit_price);
    const limit = { order_type: "limit", limit_price: least, price_in: values.price_in };
    const query = { ...pair, amount: amount || pair.amount, ...(least ? limit : slippage) };
    return [{ title: amount ? "The first slice" : "", prefix: "", query }];
}

function quotesOfBoth(values, pair) {
    const rules = ["take_profit", "stop_loss"].filter((rule) => text(values[`${rule}.trigger_price`]));
    if (!rules.length) return [{ title: "", prefix: "", query: pair }];
    return rules.map((rule) => quoteOfTrigger(values, pair, rule, `${rule}.`));
}

function quoteOfTrigger(values, pair, rule, prefix) {
    const names = rule === "trailing_stop" ? ["trail_bps", "activation_price"] : ["trigger_price"];
    const trigger = triggerOf(values, prefix, names);
    const given = trigger[names[0]] ? { order_type: rule, ...trigger, price_in: values.price_in } : {};
    const title = prefix ? { take_profit: "Take profit", stop_loss: "Stop loss" }[rule] : "";
    return { title, prefix, query: { ...pair, ...given } };
}

/**
 * Return the ticket's field at which an error of the API is shown, among the names of those that are there; null where
 * there is none. An error of a group is shown at its first field.
 */
export function fieldOf(name, shown) {
    const names = [...shown];
    const alias = {
        limit_price: "min_amount_out",
        min_amount_out: "limit_price",
        then: "~then",
        target: "target.mint",
    };
    for (let path = name; path; path = path.split(".").slice(0, -1).join(".")) {
        if (shown.has(path)) return path;
        const within = names.find((each) => each.startsWith(`${path}.`));
        if (within) return within;
        if (shown.has(alias[path])) return alias[path];
    }
    return null;
}
