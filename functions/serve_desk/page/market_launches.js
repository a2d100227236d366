/** Launches that are announced or open: reports in, cards out, with how long it is until each opens. */

import { duration, el, replace, setText } from "./dom.js";
import { fromAtoms, grouped, quotient } from "./exact.js";
import { venueName } from "./market_pairs.js";
import { keepElements } from "./tables.js";

const SLOT_MS = 400;
/** So many are shown at first: those that open next, then those that opened last. */
const FIRST = 6;

/** Return the section of launches: {element, show(report)}; `tokens` is a promise of the tokens that are listed. */
export function launchList(tokens) {
    const cards = new Map();
    const shows = new WeakMap();
    const list = el("ul", { class: "launches" });
    const none = el("p", { class: "muted", hidden: true }, "No launch is announced or open.");
    const title = el("h2", { id: "launches-title" }, "Launches");
    const more = el("button", { type: "button", "aria-expanded": "false", hidden: true });
    const place = { class: "card stack", "aria-labelledby": "launches-title" };
    const element = el("section", place, title, none, list, more);
    let isLong = false;
    let latest = null;
    let decimals = {};
    tokens.then(
        (listed) => (decimals = Object.fromEntries(listed.map((token) => [token.symbol, token.decimals]))),
        () => {},
    );
    const show = (report) => {
        latest = report;
        const { slot } = report;
        const all = inOrder(report.launches);
        const launches = isLong ? all : all.slice(0, FIRST);
        more.hidden = all.length <= FIRST;
        setText(more, isLong ? "Show fewer" : `Show all ${all.length}`);
        const made = (launch) => {
            const card = launchCard(launch);
            shows.set(card.element, card.show);
            return card.element;
        };
        keepElements(list, cards, launches.map((launch) => ({ key: launch.token.mint, make: () => made(launch) })));
        for (const launch of launches) {
            shows.get(cards.get(launch.token.mint))(launch, slot, decimals[launch.quote]);
        }
        none.hidden = launches.length > 0;
    };
    more.addEventListener("click", () => {
        isLong = !isLong;
        more.setAttribute("aria-expanded", String(isLong));
        show(latest);
    });
    return { element, show };
}

/** Those that are announced, the next first, then those that are open, the latest first. */
function inOrder(launches) {
    const of = (wanted) => launches.filter(({ status }) => status === wanted);
    const bySlot = (one, other) => Number(one.open_slot) - Number(other.open_slot);
    return [...of("announced").sort(bySlot), ...of("open").sort(bySlot).reverse()];
}

function launchCard(launch) {
    const state = el("p", { class: "launch-state" });
    const facts = el("dl", { class: "pairs small" });
    const name = el("h3", {}, `${launch.token.symbol}/${launch.quote}`);
    const mint = el("p", { class: "muted small long" }, "mint ", el("span", { class: "number" }, launch.token.mint));
    const element = el("li", { class: "launch" }, el("div", { class: "row" }, name, state), facts, mint);
    let drawn = "";
    const show = (now, slot, decimals) => {
        state.dataset.status = now.status;
        setText(state, whenInWords(now, slot));
        const known = `${decimals}`;
        if (known === drawn) return;
        drawn = known;
        replace(facts, factsOf(now, decimals).map(([term, fact]) => [el("dt", {}, term), el("dd", {}, fact)]));
    };
    return { element, show };
}

function whenInWords({ status, open_slot: opens, close_slot: closes }, slot) {
    const left = Number(status === "open" ? closes : opens) - Number(slot);
    const time = duration(Math.max(0, left) * SLOT_MS);
    const slots = `${grouped(String(Math.max(0, left)))} ${left === 1 ? "slot" : "slots"}`;
    return status === "open" ? `open, closes in ${slots} (${time})` : `opens in ${slots} (${time})`;
}

function factsOf(launch, decimals) {
    const liquidity = decimals === undefined ? null : fromAtoms(launch.liquidity, decimals);
    return [
        ["venue", venueName(launch.venue)],
        ["liquidity", liquidity === null ? "…" : `${grouped(liquidity)} ${launch.quote}`],
        ["mint renounced", flag(launch.mint_renounced)],
        ["freezable", flag(launch.freezable, "warn")],
        ["liquidity burned", flag(launch.lp_burned)],
        ["ten largest hold", `${quotient(launch.top10_bps, "100", 2)} %`],
    ];
}

/** A flag in a word and a mark; `className` is for what a buyer should mind when it is so. */
function flag(isSo, className = "good") {
    return el("span", { class: isSo ? className : "" }, isSo ? "✓ yes" : "– no");
}
