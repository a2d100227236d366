/** The ticket's fields: each is bound to a value by its name, and shows its hint and the rule that it breaks. */

import { el, setText } from "./dom.js";

export class Fields {
    #values;
    #changed;
    #parts = new Map(); // name → {box, inputs, rule}
    #rules = new Map(); // name → rule
    #hints = []; // [[element, () => text]]

    /** `changed(name, isStructural)` is called after each change of a value; structural: other fields come or go. */
    constructor(values, changed) {
        this.#values = values;
        this.#changed = changed;
    }

    /** The names of the fields that are there. */
    get names() {
        return new Set(this.#parts.keys());
    }

    /** Forget the fields that were made, before others are made. */
    begin() {
        this.#parts.clear();
        this.#hints = [];
    }

    /** A line of text. Options: unit, hint (a text, or a function of the values), placeholder, type, inputmode. */
    text(name, label, options = {}) {
        const input = el("input", {
            ...this.#attributes(name),
            type: options.type ?? "text",
            inputmode: options.inputmode ?? "decimal",
            autocomplete: "off",
            autocapitalize: "off",
            spellcheck: "false",
            placeholder: options.placeholder,
            value: this.#values[name] ?? "",
            oninput: () => this.set(name, input.value, { isTyped: true }),
        });
        const unit = options.unit
            ? el("span", { class: "trade-unit", id: `${input.id}-unit` }, options.unit)
            : null;
        return this.#field(
            name,
            [el("div", { class: "trade-input" }, input, unit), options.after],
            [input],
            label,
            options,
        );
    }

    /** A choice of one among [value, label]s in a list; `groups` are [label, [[value, label]…]]. */
    select(name, label, choices, options = {}) {
        const option = ([value, text]) =>
            el("option", { value, selected: value === (this.#values[name] ?? "") }, text);
        const groups = (options.groups ?? []).map(([title, list]) =>
            el("optgroup", { label: title }, list.map(option)),
        );
        const select = el(
            "select",
            { ...this.#attributes(name), onchange: () => this.set(name, select.value, { isStructural: true }) },
            choices.map(option),
            groups,
        );
        return this.#field(name, [select], [select], label, options);
    }

    /** A choice of one among [value, label]s, all of them in sight. */
    choice(name, legend, choices, options = {}) {
        const inputs = [];
        const shown = choices.map(([value, text]) => {
            const input = el("input", {
                type: "radio",
                id: `${this.id(name)}-${value}`,
                name: this.id(name),
                value,
                checked: value === this.#values[name],
                onchange: () => this.set(name, value, { isStructural: true }),
            });
            inputs.push(input);
            return el("label", { class: "trade-choice" }, input, el("span", {}, text));
        });
        const box = el(
            "fieldset",
            { class: `field trade-choices ${options.class ?? ""}` },
            el("legend", { class: options.isPlain ? "hidden" : "label" }, legend),
            el("div", { class: "trade-choice-row" }, shown),
        );
        return this.#finish(name, box, inputs, options);
    }

    /** A yes or no. */
    check(name, label, options = {}) {
        const input = el("input", {
            ...this.#attributes(name),
            type: "checkbox",
            checked: Boolean(this.#values[name]),
            onchange: () => this.set(name, input.checked, { isStructural: options.isStructural ?? false }),
        });
        const box = el(
            "div",
            { class: "field" },
            el("label", { class: "trade-check" }, input, el("span", {}, label)),
        );
        return this.#finish(name, box, [input], options);
    }

    /** Take a value: from a field, or, where it was not typed into that, for it to show. */
    set(name, value, { isStructural = false, isTyped = false } = {}) {
        this.#values[name] = value;
        const input = this.#parts.get(name)?.inputs[0];
        if (!isTyped && input?.type === "text") input.value = value;
        this.mark(name, "");
        this.updateHints();
        this.#changed(name, isStructural);
    }

    /** Write those hints anew that depend on what was typed. */
    updateHints() {
        for (const [hint, text] of this.#hints) setText(hint, text(this.#values));
    }

    /** Show the rules that fields break, by their names: at all others there is none any more. */
    markAll(rules) {
        for (const name of new Set([...this.#rules.keys(), ...rules.keys()]))
            this.mark(name, rules.get(name) ?? "");
    }

    /** Show the rule that a field breaks, or none. */
    mark(name, rule) {
        if (rule) this.#rules.set(name, rule);
        else this.#rules.delete(name);
        const part = this.#parts.get(name);
        if (part) this.#show(part, rule);
    }

    /** Have the first field that breaks a rule focused, and what it is folded into opened. */
    focusFirst() {
        const first = [...this.#parts.entries()].find(([name]) => this.#rules.has(name));
        if (!first) return;
        const [, { box, inputs }] = first;
        for (let fold = box.closest("details"); fold; fold = fold.parentElement.closest("details"))
            fold.open = true;
        (inputs.find((input) => input.checked) ?? inputs[0]).focus();
    }

    id(name) {
        return `trade-${name.replaceAll(/[._~]+/g, "-").replace(/^-/, "")}`;
    }

    #attributes(name) {
        return { id: this.id(name), name, "data-field": name };
    }

    #field(name, children, inputs, label, options) {
        const title = el("label", { for: inputs[0].id, class: options.isPlain ? "hidden" : null }, label);
        return this.#finish(
            name,
            el("div", { class: `field ${options.class ?? ""}` }, title, children),
            inputs,
            options,
        );
    }

    /** Give a field its hint and its place for a rule, and both to those who can't see them. */
    #finish(name, box, inputs, options) {
        const described = [];
        if (options.unit) described.push(`${this.id(name)}-unit`);
        if (options.hint) {
            const hint = el("p", { class: "hint", id: `${this.id(name)}-hint` });
            const text = typeof options.hint === "function" ? options.hint : () => options.hint;
            setText(hint, text(this.#values));
            this.#hints.push([hint, text]);
            described.push(hint.id);
            box.append(hint);
        }
        const rule = el("p", { class: "rule", id: `${this.id(name)}-rule` });
        box.append(rule);
        const part = { box, inputs, rule, described };
        this.#parts.set(name, part);
        this.#show(part, this.#rules.get(name) ?? "");
        return box;
    }

    #show({ inputs, rule, described }, text) {
        setText(rule, text);
        rule.hidden = !text;
        for (const input of inputs) {
            if (text) input.setAttribute("aria-invalid", "true");
            else input.removeAttribute("aria-invalid");
            const by = text ? [...described, rule.id] : described;
            if (by.length) input.setAttribute("aria-describedby", by.join(" "));
            else input.removeAttribute("aria-describedby");
        }
    }
}

/** Return basis points in words, such as "= 1.5 %"; "" for what is no whole number. */
export function bpsInWords(typed) {
    const text = String(typed ?? "").trim();
    if (!/^\d{1,9}$/.test(text)) return "";
    const [whole, part] = [text.padStart(3, "0").slice(0, -2), text.padStart(3, "0").slice(-2)];
    return `= ${`${BigInt(whole)}.${part}`.replace(/\.?0+$/, "")} %`;
}
