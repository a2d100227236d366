/** The parts of an order's drawer: its details as the API has them in, elements with exact numbers out. */

import { duration, el } from "./dom.js";
import { fromAtoms, grouped, percent } from "./exact.js";
import { MOST_SHOWN_STEPS, historyTable } from "./orders_history.js";
import { distanceOf, executionUnit, filledOf, percentOfBps, priceUnit, slippageOf } from "./orders_words.js";
import { FORCES } from "./status.js";

/** Return pairs of a name and a value as a list; those without a value are left out. */
export function pairs(entries) {
    const known = entries.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return el("dl", { class: "pairs" }, known.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Return a writer of amounts in atoms as units, for the decimals of tokens by symbol; unknown ones stay atoms. */
export function amountsBy(decimals) {
    return (atoms, token) => {
        if (atoms === null || atoms === undefined) return "–";
        if (!(token in decimals)) return `${grouped(atoms)} atoms of ${token}`;
        return `${grouped(fromAtoms(atoms, decimals[token]))} ${token}`;
    };
}

function yesOrNo(flag) {
    return flag === undefined ? undefined : flag ? "yes" : "no";
}

/** What was asked for, and what came of it. */
export function summaryPart(order, amount) {
    const price = (value) => (value ? `${grouped(value)} ${priceUnit(order)}` : null);
    const executed = order.execution_price && `${grouped(order.execution_price)} ${executionUnit(order)}`;
    return pairs([
        ["Filled", `${filledOf(order)} ${order.token_in}`],
        ["Executed at", executed],
        ["Limit price", price(order.limit_price)],
        ["Least received", order.min_amount_out && `${grouped(order.min_amount_out)} ${order.token_out}`],
        ["Trigger price", price(order.trigger_price)],
        ["Trails by", order.trail_bps && percentOfBps(order.trail_bps)],
        ["Begins to trail at", price(order.activation_price)],
        ["Slots in a row", order.trigger_slots],
        ...legPairs(order, price),
        ["Slices", order.slices && `${order.slices}, one every ${order.interval} s`],
        ["Priority", order.priority],
        ["Target", order.target && (order.target.mint ?? "any launch")],
        ["Filters", order.filters && (Object.entries(order.filters).map(([name, value]) =>
            `${name.replaceAll("_", " ")} ${value}`).join(", ") || "none")],
        ["Slots from its opening", order.slots_from_open],
        ["Most slippage", slippageOf(order)],
        ["Minimum out", order.minimum_out && amount(order.minimum_out, order.token_out)],
        ["In parts", yesOrNo(order.allow_partial)],
        ["Good", FORCES[order.time_in_force] ?? order.time_in_force],
        ["Expires", order.expires_at && dateOf(order.expires_at)],
        ["Then", order.then && thenOf(order.then)],
        ["Placed", dateOf(order.created_at)],
        ["Own id", order.client_order_id],
    ]);
}

function dateOf(iso) {
    return el("time", { datetime: iso }, new Date(iso).toLocaleString());
}

function legPairs(order, price) {
    return [["Take profit", order.take_profit], ["Stop loss", order.stop_loss]].map(([name, leg]) => [
        name,
        leg && [price(leg.trigger_price), leg.limit_price && ` limit ${grouped(leg.limit_price)}`],
    ]);
}

function thenOf({ take_profit: profit, stop_loss: loss }) {
    const exit = (name, leg) => {
        if (!leg) return null;
        const bps = leg.gain_bps ?? leg.loss_bps;
        return `${name} ${bps ? percentOfBps(bps) : grouped(leg.trigger_price)}`;
    };
    return [exit("take profit", profit), exit("stop loss", loss)].filter(Boolean).join(", ");
}

/** Why an order that rests is not executed yet. */
export function restingPart({ resting, token_out: bought }, amount) {
    if (!resting) return null;
    const priced = (value) => (value ? grouped(value) : null);
    return [
        el("p", { class: "why" }, resting.why),
        pairs([
            ["Distance", distanceOf({ resting })],
            ["Would yield", resting.would_yield && amount(resting.would_yield, bought)],
            ["Has to yield", resting.minimum_out && amount(resting.minimum_out, bought)],
            ["Reference price", priced(resting.reference_price)],
            ["Trigger", priced(resting.trigger_price)],
            ["Highest since it rests", priced(resting.watermark)],
            ["Attempts", resting.attempts === "0" ? null : resting.attempts],
            ["Next attempt from slot", resting.next_attempt_slot],
            ["As of slot", resting.slot],
        ]),
    ];
}

/** The legs with their shares, and what each venue alone would have paid. */
export function routePart({ route, token_in: sold, token_out: bought }, amount) {
    if (!route) return null;
    return [
        pairs([
            ["Expected", amount(route.expected_out, bought)],
            ["Price impact", `${percent(route.price_impact)} %`],
            ["Better than the best venue", percentOfBps(route.improvement_bps)],
            ["Network fee", amount(route.network_fee, "SOL")],
            ["Slot", route.slot],
        ]),
        el("ol", { class: "legs" }, route.legs.map((leg) => legItem(leg, amount))),
        route.quotes.length ? el("h4", {}, "Each venue alone") : null,
        pairs(route.quotes.map((quote) => [quote.venue, quoteOf(quote, { sold, bought }, amount)])),
    ];
}

function quoteOf({ error, amount_out: paid, price }, { sold, bought }, amount) {
    if (error) return el("span", { class: "bad" }, error);
    const unit = executionUnit({ token_in: sold, token_out: bought });
    return [amount(paid, bought), price ? el("span", { class: "muted" }, ` at ${grouped(price)} ${unit}`) : null];
}

/** One swap: where, which share of the order, what for what, and the fee. */
function legItem(leg, amount) {
    const share = leg.share_bps === undefined ? null : [shareBar(leg.share_bps), percentOfBps(leg.share_bps)];
    const pool = [el("b", {}, leg.venue), el("span", { class: "muted" }, leg.pool), el("span", {}, share)];
    const [sold, bought] = [amount(leg.amount_in, leg.token_in), amount(leg.amount_out, leg.token_out)];
    return el(
        "li",
        {},
        el("div", { class: "leg-pool" }, pool),
        el("div", { class: "number" }, `${sold} → ${bought}`),
        el("div", { class: "number muted" }, `fee ${amount(leg.fee, leg.fee_token)}`),
    );
}

function shareBar(bps) {
    const bar = el("i", { class: "share", "aria-hidden": "true" }, el("i"));
    bar.firstElementChild.style.width = `${Number(bps) / 100}%`;
    return bar;
}

/** What was really paid and received, leg by leg. */
export function fillsPart({ fills }, amount) {
    return fills?.length ? el("ol", { class: "legs" }, fills.map((fill) => legItem(fill, amount))) : null;
}

/** Every step with its time and how long it took. */
export function historyPart({ history, created_at: from, updated_at: to }, showAll) {
    const took = Date.parse(to) - Date.parse(from);
    const hidden = history.length - MOST_SHOWN_STEPS;
    return [
        el("p", { class: "muted" }, `${history.length} steps in ${duration(took)}`),
        hidden > 0 && !showAll.isOn
            ? el("button", { type: "button", class: "quiet", onclick: showAll.turnOn }, `Show ${hidden} earlier steps`)
            : null,
        historyTable(hidden > 0 && !showAll.isOn ? history.slice(-MOST_SHOWN_STEPS) : history),
    ];
}

/** The orders that it has made, and the one that has made it, as links. */
export function familyPart({ parent_id: parent, children }, orders) {
    if (!parent && !children?.length) return null;
    const links = (children ?? []).map((id) => el("li", {}, orderLink(id, orders)));
    return [
        parent ? el("p", {}, "Made by ", orderLink(parent, orders)) : null,
        children?.length ? el("ul", { class: "family" }, links) : null,
    ];
}

function orderLink(id, orders) {
    const order = orders.get(id);
    const words = order && !order.partial ? ` ${order.order_type.replaceAll("_", " ")}, ${order.status}` : "";
    return [el("a", { href: `#orders/${id}`, class: "number" }, id), words];
}

/** The transaction that was sent. */
export function transactionPart({ tx_hash: hash }) {
    return hash ? el("p", { class: "number long" }, hash) : null;
}
