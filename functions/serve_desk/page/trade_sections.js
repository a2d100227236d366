/** What the ticket asks for, type by type: the fields in, their elements out. */

import { el } from "./dom.js";
import { add, grouped, isDecimal, multiply, subtract } from "./exact.js";
import { bpsInWords } from "./trade_fields.js";
import { sliceOf } from "./trade_order.js";
import { typeOf, unfolded } from "./trade_state.js";

const EITHER = [
    ["", "either"],
    ["true", "yes"],
    ["false", "no"],
];

/** Return the fields of a type of order; `prices(name, isOfExit)` makes the row of prices to pick from. */
export function sectionOf(fields, values, tokens, prices) {
    const section = { fields, values, tokens, prices };
    const type = values.order_type;
    if (type === "market") return slippage(section, "", "5");
    if (type === "limit") return limit(section);
    if (type === "oco") return [priceIn(section), exit(section, "take_profit"), exit(section, "stop_loss")];
    if (type === "twap" || type === "dca") return slices(section);
    if (type === "sniper") return sniper(section);
    return [priceIn(section), ...trigger(section, type, ""), ...more(section, "", typeOf(type).slippage)];
}

function pairOf({ values }, ofExit = false) {
    const sold =
        values.order_type === "sniper" ? ["the token", values.token_in] : [values.token_out, values.token_in];
    return ofExit ? sold : [values.token_in, values.token_out];
}

function priceUnit(section, ofExit = false) {
    const [sold, bought] = pairOf(section, ofExit);
    const name = ofExit ? "then.price_in" : "price_in";
    return section.values[name] === "token_in" ? `${sold} per ${bought}` : `${bought} per ${sold}`;
}

/** Return the choice of what prices count. */
export function priceIn(section, ofExit = false) {
    const [sold, bought] = pairOf(section, ofExit);
    const name = ofExit ? "then.price_in" : "price_in";
    const choices = [
        ["token_out", `${bought} per ${sold}`],
        ["token_in", `${sold} per ${bought}`],
    ];
    return section.fields.choice(name, ofExit ? "Prices of the exits" : "Prices in", choices, {
        class: "trade-inline",
    });
}

/** Return the field of a price, with the row of prices to pick from. */
export function price(section, name, label, { ofExit = false, hint, isOptional = false } = {}) {
    return section.fields.text(name, isOptional ? `${label} (optional)` : label, {
        unit: priceUnit(section, ofExit),
        hint,
        after: section.prices(name, ofExit, label),
    });
}

function slippage({ fields }, prefix, usual) {
    return fields.text(`${prefix}max_slippage`, "Most slippage", {
        unit: "%",
        placeholder: usual,
        hint: `from 1 to 50; ${usual} if left empty`,
    });
}

function limit(section) {
    const { fields, values } = section;
    const by = fields.choice(
        "~limit_by",
        "Limit by",
        [
            ["limit_price", "price"],
            ["min_amount_out", "least received"],
        ],
        { class: "trade-inline" },
    );
    const least = () =>
        fields.text("min_amount_out", "Least received", {
            unit: values.token_out,
            hint: "for the whole amount",
        });
    const isPrice = values["~limit_by"] === "limit_price";
    return [
        by,
        isPrice ? priceIn(section) : null,
        isPrice ? price(section, "limit_price", "Limit price") : least(),
        fields.check("allow_partial", "May be filled in parts", { isStructural: true }),
    ];
}

function trigger(section, rule, prefix) {
    if (rule !== "trailing_stop") return [price(section, `${prefix}trigger_price`, "Trigger price")];
    return [
        section.fields.text("trail_bps", "Trail", {
            unit: "bps",
            inputmode: "numeric",
            hint: ({ trail_bps: typed }) => bpsInWords(typed) || "below the highest; 100 bps are 1 %",
        }),
        price(section, "activation_price", "Trails from", { isOptional: true }),
    ];
}

/** Return what a trigger may have besides. */
export function more(section, prefix, usual, ofExit = false) {
    const { fields } = section;
    const hint = "then it sells at this price or better, whatever the slippage";
    return [
        price(section, `${prefix}limit_price`, "Limit once triggered", { hint, ofExit, isOptional: true }),
        el(
            "div",
            { class: "trade-pair" },
            slippage(section, prefix, usual),
            fields.text(`${prefix}trigger_slots`, "Slots in a row", {
                placeholder: "1",
                inputmode: "numeric",
                hint: "how long the price must hold",
            }),
        ),
    ];
}

/** One of the two of an oco. */
function exit(section, rule) {
    return group(rule === "take_profit" ? "Take profit" : "Stop loss", [
        ...trigger(section, rule, `${rule}.`),
        fold(`${rule}.more`, "Limit, slippage, slots", more(section, `${rule}.`, typeOf(rule).slippage)),
    ]);
}

function slices(section) {
    const { fields, values, tokens } = section;
    const first = () => {
        const each = sliceOf(values, tokens);
        return each ? `${grouped(each)} ${values.token_in} each` : "from 2 to 1,000";
    };
    return [
        el(
            "div",
            { class: "trade-pair" },
            fields.text("slices", "Slices", { inputmode: "numeric", hint: first }),
            fields.text("interval", "Seconds between", { inputmode: "numeric", hint: ofAll }),
        ),
        priceIn(section),
        price(section, "limit_price", "Least price of a slice", {
            hint: "a slice that would get less is left out",
            isOptional: true,
        }),
        slippage(section, "", "5"),
    ];
}

function ofAll({ slices: count, interval }) {
    if (!/^\d{1,4}$/.test(count) || !/^\d{1,6}$/.test(interval)) return "of the market's time";
    const seconds = BigInt(subtract(count, "1")) * BigInt(interval);
    if (seconds < 120n) return `${seconds} s in all`;
    return seconds < 7200n ? `${seconds / 60n} min in all` : `${seconds / 3600n} h in all`;
}

function sniper(section) {
    const { fields, values } = section;
    const target = fields.choice("~target", "Buys", [
        ["any", "the next launch that passes"],
        ["mint", "the launch of one mint"],
    ]);
    const mint = () =>
        fields.text("target.mint", "Mint", { inputmode: "text", hint: "it need not be announced yet" });
    const filters = ["mint_renounced", "freezable", "lp_burned"].map((name) =>
        fields.select(`filters.${name}`, FLAGS[name], EITHER),
    );
    return [
        target,
        values["~target"] === "mint" ? mint() : null,
        group("Only if", [
            el("div", { class: "trade-triple" }, filters),
            el(
                "div",
                { class: "trade-pair" },
                fields.text("filters.max_top10_bps", "Top ten hold at most", {
                    unit: "bps",
                    inputmode: "numeric",
                    hint: (typed) => bpsInWords(typed["filters.max_top10_bps"]) || "of all tokens",
                }),
                fields.text("filters.min_liquidity", "Opens with at least", { unit: values.token_in }),
            ),
            fields.select("filters.venue", "On", [
                ["", "either venue"],
                ["raydium", "Raydium"],
                ["meteora", "Meteora"],
            ]),
        ]),
        fields.choice("priority", "Lands", [
            ["normal", "normal · 0.00001 SOL"],
            ["fast", "fast · 0.0002 SOL"],
            ["turbo", "turbo · 0.002 SOL"],
        ]),
        slippage(section, "", "25"),
    ];
}

/** What a launch is, in words. */
export const FLAGS = {
    mint_renounced: "Mint renounced",
    freezable: "Freezable",
    lp_burned: "Liquidity burned",
};

function group(title, children) {
    return el("fieldset", { class: "trade-group" }, el("legend", {}, title), children);
}

/** Return parts of the ticket that are folded until somebody wants them. */
export function fold(name, title, children) {
    const box = el(
        "details",
        { class: "trade-fold", open: unfolded.has(name) },
        el("summary", {}, title),
        children,
    );
    box.addEventListener("toggle", () => (box.open ? unfolded.add(name) : unfolded.delete(name)));
    return box;
}
