/** How long an order that waits is good, and what sells again what an order buys: the fields in, their elements out. */

import { el } from "./dom.js";
import { FORCES } from "./status.js";
import { bpsInWords } from "./trade_fields.js";
import { fold, more, price, priceIn } from "./trade_sections.js";
import { typeOf } from "./trade_state.js";

const UNITS = [
    ["1", "seconds"],
    ["60", "minutes"],
    ["3600", "hours"],
    ["86400", "days"],
];
/** Return how long an order that waits is good. */
export function goodFor(fields, values) {
    const force = [
        ["gtc", `good ${FORCES.gtc}`],
        ["gtd", `good ${FORCES.gtd}`],
    ];
    if (values.order_type === "limit") force.push(["fok", FORCES.fok], ["ioc", FORCES.ioc]);
    const ends = [
        ["never", "never"],
        ["for", "after"],
        ["until", "at"],
    ];
    const after = () => [
        fields.text("expires_in", "After how long", { isPlain: true }),
        fields.select("~expires_unit", "Unit of time", UNITS, { isPlain: true }),
    ];
    const at = () => fields.text("expires_at", "When it expires", { type: "datetime-local", isPlain: true });
    const extra = { never: () => null, for: after, until: at }[values["~expiry"]]();
    return [
        el(
            "div",
            { class: "trade-pair trade-good" },
            fields.select("time_in_force", "Time in force", force),
            fields.select("~expiry", "Expires", ends),
        ),
        extra ? el("div", { class: "trade-expiry" }, extra) : null,
    ];
}

/** Return what sells again what the order buys: the other two orders of a bracket. */
export function exitsSection(fields, values, tokens, prices) {
    const section = { fields, values, tokens, prices };
    const wanted = fields.check("~then", "Bracket: then sell what it bought", {
        isStructural: true,
    });
    if (!values["~then"]) return [wanted];
    return [
        wanted,
        priceIn(section, true),
        exitOf(section, "take_profit", "gain_bps"),
        exitOf(section, "stop_loss", "loss_bps"),
    ];
}

function exitOf(section, rule, bps) {
    const { fields, values } = section;
    const [prefix, title] = [`then.${rule}.`, rule === "take_profit" ? "Take profit" : "Stop loss"];
    const wanted = fields.check(`~then.${rule}`, title, { isStructural: true });
    if (!values[`~then.${rule}`]) return wanted;
    const by = fields.choice(
        `~then.${rule}.by`,
        `${title} by`,
        [
            [bps, rule === "take_profit" ? "gain" : "loss"],
            ["trigger_price", "price"],
        ],
        { class: "trade-inline" },
    );
    const far = () =>
        fields.text(prefix + bps, rule === "take_profit" ? "Gain" : "Loss", {
            unit: "bps",
            inputmode: "numeric",
            hint: (typed) => bpsInWords(typed[prefix + bps]) || "from what was paid; 100 bps are 1 %",
        });
    const at = () => price(section, `${prefix}trigger_price`, "Trigger price", { ofExit: true });
    return el(
        "div",
        { class: "trade-group" },
        wanted,
        by,
        values[`~then.${rule}.by`] === bps ? far() : at(),
        fold(`${prefix}more`, "Limit, slippage, slots", more(section, prefix, typeOf(rule).slippage, true)),
    );
}
