/** What can be amended of an order, by its type: fields with what they have now; what was changed in them out. */

import { el } from "./dom.js";
import { isDecimal } from "./exact.js";
import { priceUnit } from "./orders_words.js";

const LEGS = { take_profit: "Take profit", stop_loss: "Stop loss" };

/** Return the fields of an order that can be amended: [{name, label, value, kind, unit}], names with a dot in a leg. */
export function fieldsOf(order) {
    const end = { name: "expires_at", label: "Expires", value: order.expires_at ?? "", kind: "time" };
    const amount = { name: "amount", label: "Amount", value: order.amount, unit: order.token_in };
    return [...(OF_TYPE[order.order_type]?.(order) ?? []), amount, end];
}

function price(order, name, label, value) {
    return { name, label, value: value ?? "", unit: priceUnit(order) };
}

function limit(order) {
    return price(order, "limit_price", "Limit price", order.limit_price);
}

function triggered(order) {
    return [price(order, "trigger_price", "Trigger price", order.trigger_price), limit(order)];
}

const OF_TYPE = {
    limit: (order) => {
        if (order.limit_price !== undefined) return [limit(order)];
        const { min_amount_out: value, token_out: unit } = order;
        return [{ name: "min_amount_out", label: "Least received", value, unit }];
    },
    take_profit: triggered,
    stop_loss: triggered,
    trailing_stop: (order) => {
        const trail = { name: "trail_bps", label: "Trail", value: order.trail_bps, unit: "basis points" };
        return [trail, limit(order)];
    },
    oco: (order) => Object.entries(LEGS).flatMap(([leg, label]) => [
        price(order, `${leg}.trigger_price`, `${label}, trigger price`, order[leg].trigger_price),
        price(order, `${leg}.limit_price`, `${label}, limit price`, order[leg].limit_price),
    ]),
    twap: (order) => [limit(order)],
    sniper: (order) => [
        { name: "max_slippage", label: "Most slippage", value: order.max_slippage, unit: "as a fraction" },
        { name: "priority", label: "Priority", value: order.priority, kind: ["normal", "fast", "turbo"] },
        ...filterFields(order.filters ?? {}, order.token_in),
    ],
};

const FLAGS = { mint_renounced: "Mint renounced", freezable: "Freezable", lp_burned: "Liquidity burned" };

function filterFields(filters, tokenIn) {
    const flags = Object.entries(FLAGS).map(([name, label]) => ({
        name: `filters.${name}`,
        label,
        value: name in filters ? String(filters[name]) : "",
        kind: ["", "true", "false"],
    }));
    const { max_top10_bps: most = "" } = filters;
    return [
        ...flags,
        { name: "filters.max_top10_bps", label: "Most that ten hold", value: most, unit: "basis points" },
        { name: "filters.min_liquidity", label: "Least liquidity", value: filters.min_liquidity ?? "", unit: tokenIn },
        { name: "filters.venue", label: "Venue", value: filters.venue ?? "", kind: ["", "raydium", "meteora"] },
    ];
}

const CHOICES = { "": "any", true: "yes", false: "no" };

/** Return the input of a field, with the value that it has now. */
export function inputOf({ kind, value }, attributes) {
    if (Array.isArray(kind)) {
        const options = kind.map((each) => el("option", { value: each }, CHOICES[each] ?? each));
        return Object.assign(el("select", attributes, options), { value });
    }
    if (kind === "time") {
        return el("input", { ...attributes, type: "datetime-local", step: "1", value: value ? localTime(value) : "" });
    }
    return el("input", { ...attributes, type: "text", inputmode: "decimal", autocomplete: "off", value });
}

/** Return an ISO timestamp as the browser's field for times has it: in local time, to the second. */
function localTime(iso) {
    const at = new Date(iso);
    const two = (number) => String(number).padStart(2, "0");
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/**
 * Return what was changed, as {body, errors: [{field, rule}]}, from the texts of the inputs by the names of the fields.
 *
 * What was not changed is not in the body, but for filters, which the API takes as a whole, and for the least received
 * of an order, which is of its amount.
 */
export function changesOf(fields, texts) {
    const body = {};
    const errors = [];
    const changed = fields.filter((field) => texts[field.name] !== shownValue(field));
    for (const field of changed) {
        const text = texts[field.name];
        const rule = ruleOf(field, text);
        if (rule) errors.push({ field: field.name, rule });
        else put(body, field, text);
    }
    if (changed.some(({ name }) => name.startsWith("filters."))) {
        body.filters = {};
        for (const field of fields) {
            const text = texts[field.name];
            if (field.name.startsWith("filters.") && text !== "") put(body, field, text);
        }
    }
    const least = fields.find(({ name }) => name === "min_amount_out");
    if ("amount" in body && least) body.min_amount_out ??= texts.min_amount_out;
    return { body, errors };
}

function shownValue({ kind, value }) {
    return kind === "time" && value ? localTime(value) : value;
}

function ruleOf({ name, kind }, text) {
    if (name.startsWith("filters.") && text === "") return "";
    if (text === "") return "can be another one, but not removed";
    return kind || isDecimal(text) ? "" : "must be a decimal number";
}

function put(body, { name, kind }, text) {
    const [whole, part] = name.split(".");
    const isFlag = Array.isArray(kind) && kind.includes("true");
    const value = kind === "time" ? new Date(text).toISOString() : isFlag ? text === "true" : text;
    if (part) body[whole] = { ...body[whole], [part]: value };
    else body[whole] = value;
}
