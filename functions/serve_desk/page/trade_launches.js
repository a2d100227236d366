/** The launches that a sniper may buy, beside its ticket: what they are, and which it passes over. */

import { el, replace, setText } from "./dom.js";
import { compare, fromAtoms, grouped, multiply } from "./exact.js";
import { venueName } from "./market_pairs.js";
import { FLAGS } from "./trade_sections.js";
import { values } from "./trade_state.js";

export class LaunchesView {
    #list = el("div", { class: "trade-launches" });
    #state = el("span", { class: "small muted" });
    #onTarget;

    /** `onTarget(launch)` is called with the launch whose mint is to be the target. */
    constructor(onTarget) {
        this.#onTarget = onTarget;
        this.element = el(
            "section",
            { class: "card", "aria-labelledby": "trade-launches-title", id: "trade-launches" },
            el(
                "div",
                { class: "trade-head" },
                el("h2", { id: "trade-launches-title" }, "Launches to come"),
                this.#state,
            ),
            el(
                "p",
                { class: "muted small" },
                "What a sniper buys has no price before it is launched, so there is no quote.",
            ),
            this.#list,
        );
    }

    phase(name, why = "") {
        setText(this.#state, { asking: "updating…", failed: `not updated: ${why}` }[name] ?? "");
    }

    show({ slot, launches }, tokens) {
        setText(this.#state, `live · slot ${slot}`);
        const focused = document.activeElement?.id;
        if (!launches.length)
            return replace(this.#list, el("p", { class: "muted" }, "None is announced right now."));
        replace(
            this.#list,
            launches.map((launch) => this.#launch(launch, slot, tokens)),
        );
        if (focused?.startsWith("trade-target-")) document.getElementById(focused)?.focus();
        return undefined;
    }

    #launch(launch, slot, tokens) {
        const decimals = tokens.find(({ symbol }) => symbol === launch.quote)?.decimals;
        const liquidity =
            decimals === undefined
                ? `${launch.liquidity} atoms of`
                : grouped(fromAtoms(launch.liquidity, decimals));
        const refusals = refusalsOf(launch, decimals);
        const isTarget = values["~target"] === "mint" && values["target.mint"] === launch.token.mint;
        const toGo = BigInt(launch.open_slot) - BigInt(slot);
        const slots = `${toGo} ${toGo === 1n ? "slot" : "slots"}`;
        const flags = Object.entries(FLAGS).map(([name, text]) =>
            el(
                "li",
                {},
                `${launch[name] ? "✓" : "✕"} ${text}`,
                el("span", { class: "hidden" }, launch[name] ? ": yes" : ": no"),
            ),
        );
        return el(
            "article",
            { class: "trade-launch", "aria-label": launch.token.symbol },
            el(
                "h3",
                {},
                launch.token.symbol,
                el("span", { class: "muted" }, ` opens in ${slots} on ${venueName(launch.venue)}`),
            ),
            el(
                "ul",
                { class: "trade-flags" },
                flags,
                el("li", {}, `top ten hold ${multiply(launch.top10_bps, "0.01")} %`),
            ),
            el("p", {}, el("span", { class: "number" }, `${liquidity} ${launch.quote}`), " of liquidity"),
            el(
                "p",
                { class: refusals.length ? "warn" : "good" },
                refusals.length ? `Passed over: ${refusals.join("; ")}.` : "Passes your filters.",
            ),
            el(
                "button",
                {
                    type: "button",
                    id: `trade-target-${launch.token.symbol}`,
                    disabled: isTarget,
                    onclick: () => this.#onTarget(launch),
                },
                isTarget ? "is the target" : `Target ${launch.token.symbol}`,
            ),
        );
    }
}

/** Return by which of what the ticket says a launch is passed over. */
function refusalsOf(launch, decimals) {
    const found = [];
    if (launch.quote !== values.token_in) found.push(`its pool takes ${launch.quote}`);
    for (const [name, text] of Object.entries(FLAGS)) {
        const wanted = values[`filters.${name}`];
        if (wanted && wanted !== String(launch[name]))
            found.push(`${text.toLowerCase()}: ${launch[name] ? "yes" : "no"}`);
    }
    const most = (values["filters.max_top10_bps"] ?? "").trim();
    if (/^\d+$/.test(most) && compare(launch.top10_bps, most) > 0) found.push("the top ten hold more");
    const least = (values["filters.min_liquidity"] ?? "").trim();
    const isNumber = /^\d+(\.\d+)?$/.test(least) && decimals !== undefined;
    if (isNumber && compare(fromAtoms(launch.liquidity, decimals), least) < 0) found.push("less liquidity");
    if (values["filters.venue"] && values["filters.venue"] !== launch.venue) found.push("another venue");
    return found;
}
