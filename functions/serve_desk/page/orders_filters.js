/** The filters of the table: what a reader chooses in, which orders are shown and which lists have them out. */

import { el } from "./dom.js";
import { ENDED } from "./status.js";

const STATUSES = ["pending", "open", "triggered", "routing", "building", "submitted", "partially_filled", ...ENDED];
const TYPES = ["market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "sniper"];
const WHOLE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const OWN_ID = /^[!-~]{1,64}$/;
const TYPING_MS = 250;

/** What is chosen, kept while other views are shown. */
const chosen = { status: "", type: "", token: "", text: "" };

/** Return whether the filters admit an order. */
export function matches(order) {
    const { status, type, token, text } = chosen;
    if (status && !hasStatus(order, status)) return false;
    if (type && order.order_type !== type) return false;
    if (token && order.token_in !== token && order.token_out !== token) return false;
    return !text || isNamed(order, text.toLowerCase());
}

function hasStatus(order, status) {
    if (status === "any_open") return !ENDED.has(order.status);
    return status === "any_ended" ? ENDED.has(order.status) : order.status === status;
}

function isNamed({ order_id: id, client_order_id: own }, text) {
    return id.includes(text) || Boolean(own?.toLowerCase().includes(text));
}

/** Return the queries of those lists of the API that have together all orders that the filters admit. */
export function queries() {
    const query = {};
    if (chosen.status === "any_open") query.open = "true";
    else if (chosen.status && !chosen.status.startsWith("any_")) query.status = chosen.status;
    if (chosen.type) query.order_type = chosen.type;
    if (!chosen.token) return [query];
    return [{ ...query, token_in: chosen.token }, { ...query, token_out: chosen.token }];
}

/** Return what finds an order by the whole of its name, however old it is: {id}, {client_order_id}, or null. */
export function named() {
    const { text } = chosen;
    if (WHOLE_ID.test(text)) return { id: text.toLowerCase() };
    return OWN_ID.test(text) ? { client_order_id: text } : null;
}

export function isFiltered() {
    return Object.values(chosen).some((value) => value !== "");
}

function words(name) {
    return name.replaceAll("_", " ");
}

function choice(label, name, options, changed) {
    const id = `orders-${name}`;
    const select = el("select", { id, name }, options.map(([value, text]) => el("option", { value }, text)));
    select.value = chosen[name];
    select.addEventListener("change", () => {
        chosen[name] = select.value;
        changed();
    });
    return el("div", { class: "field" }, el("label", { for: id }, label), select);
}

function textField(changed) {
    const input = el("input", {
        id: "orders-text", type: "search", autocomplete: "off", spellcheck: "false", maxlength: 64,
        placeholder: "part of an id", value: chosen.text,
    });
    let waiting = null;
    input.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => {
            chosen.text = input.value.trim();
            changed();
        }, TYPING_MS);
    });
    return el("div", { class: "field orders-find" }, el("label", { for: "orders-text" }, "Id, or your own id"), input);
}

/** Return the form of the filters; `changed()` is called when one is. `tokens` is the promise of the tokens. */
export function filterForm(tokens, changed) {
    const clear = el("button", { type: "button", class: "quiet", id: "orders-clear", hidden: !isFiltered() }, "Clear");
    const update = () => {
        clear.hidden = !isFiltered();
        changed();
    };
    const statuses = [["", "all"], ["any_open", "not ended"], ["any_ended", "ended"]];
    const tokenNames = chosen.token ? [[chosen.token, chosen.token]] : [];
    const fields = el(
        "div",
        { class: "orders-fields" },
        choice("Status", "status", [...statuses, ...STATUSES.map((each) => [each, words(each)])], update),
        choice("Type", "type", [["", "all"], ...TYPES.map((each) => [each, words(each)])], update),
        choice("Token", "token", [["", "all"], ...tokenNames], update),
        textField(update),
        clear,
    );
    clear.addEventListener("click", () => {
        for (const name of Object.keys(chosen)) chosen[name] = "";
        for (const field of fields.querySelectorAll("select, input")) field.value = "";
        update();
        fields.querySelector("select").focus();
    });
    tokens().then((list) => addTokens(fields, list.map(({ symbol }) => symbol)), () => {});
    const form = el("form", { class: "orders-filters", "aria-label": "Filters" }, fields);
    form.addEventListener("submit", (event) => event.preventDefault());
    return form;
}

function addTokens(fields, symbols) {
    const select = fields.querySelector("#orders-token");
    const known = new Set([...select.options].map(({ value }) => value));
    select.append(...symbols.filter((each) => !known.has(each)).map((each) => el("option", { value: each }, each)));
}
