/** The dialog that amends an order: it sends what was changed, and says at each field which rule that breaks. */

import { ApiError } from "./api.js";
import { el, replace } from "./dom.js";
import { changesOf, fieldsOf, inputOf } from "./orders_amend_fields.js";
import { refusal } from "./orders_change.js";
import { tradeOf } from "./status.js";
import { typeOf } from "./orders_words.js";

export class AmendDialog {
    #api;
    #orders;
    #done;
    #order = null;
    #fields = [];
    #problem = el("p", { class: "bad", role: "alert" });
    #title = el("h2", { id: "amend-title" });
    #inputs = el("div", { class: "amend-fields" });
    #send = el("button", { type: "submit", class: "main" }, "Amend");
    #close = el("button", { type: "button" }, "Keep as it is");
    #sequence = "";

    /** `done(order)` is called with the order as the API answers it. */
    constructor({ api, orders, done }) {
        this.#api = api;
        this.#orders = orders;
        this.#done = done;
        const form = el(
            "form",
            { class: "stack", novalidate: true },
            this.#title,
            this.#inputs,
            this.#problem,
            el("div", { class: "row" }, this.#send, this.#close),
        );
        this.element = el("dialog", { class: "amend", "aria-labelledby": "amend-title" }, form);
        this.#close.addEventListener("click", () => this.element.close());
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#submit();
        });
    }

    /** Ask for what is to be otherwise about an order. */
    open(order) {
        this.#order = order;
        this.#sequence = order.sequence;
        this.#send.disabled = false;
        this.#send.textContent = "Amend";
        this.#problem.textContent = "";
        this.#title.textContent = `Amend ${typeOf(order)}: ${tradeOf(order)}`;
        this.#fields = fieldsOf(order);
        replace(this.#inputs, this.#fields.map((field) => this.#field(field)));
        this.element.showModal();
        this.#inputs.querySelector("input, select").select?.();
    }

    #field(field) {
        const id = `amend-${field.name.replace(".", "-")}`;
        const input = inputOf(field, { id, name: field.name, "aria-describedby": `${id}-rule` });
        const unit = field.unit ? el("span", { class: "muted" }, ` (${field.unit})`) : null;
        return el(
            "div",
            { class: "field" },
            el("label", { for: id }, field.label, unit),
            input,
            el("p", { class: "rule", id: `${id}-rule` }),
        );
    }

    get #texts() {
        const inputs = [...this.#inputs.querySelectorAll("input, select")];
        return Object.fromEntries(inputs.map(({ name, value }) => [name, value.trim()]));
    }

    async #submit() {
        const { body, errors } = changesOf(this.#fields, this.#texts);
        this.#showErrors(errors);
        this.#problem.textContent = "";
        if (errors.length) return;
        if (!Object.keys(body).length) return this.element.close();
        this.#send.disabled = true;
        const { order_id: id } = this.#order;
        try {
            const sent = { ...body, sequence: Number(this.#sequence) };
            const after = await this.#api.patch(`/api/orders/${encodeURIComponent(id)}`, { body: sent });
            if (!this.element.isConnected) return; // another key is used by now
            this.#orders.put(after);
            this.element.close();
            this.#done(after);
        } catch (error) {
            this.#send.disabled = false;
            await this.#refused(id, error);
        }
    }

    async #refused(id, error) {
        if (error instanceof ApiError && error.errors.length) {
            const left = this.#showErrors(error.errors);
            this.#problem.textContent = left.map(({ field, rule }) => `${field} ${rule}`).join("; ");
            return;
        }
        if (error.status === 412) {
            // What was typed stays: the reader sees what has become of the order, and may send it all the same.
            this.#sequence = error.sequence;
            this.#send.textContent = "Amend all the same";
            this.#problem.textContent = `The order has taken a step since: it is ${error.orderStatus} by now.`;
        } else {
            this.#problem.textContent = refusal("amended", id, error);
        }
        await this.#orders.read(id).catch(() => {});
    }

    /** Show the rules at their fields; returns those of fields that are not here. */
    #showErrors(errors) {
        const left = [...errors];
        let first = null;
        for (const input of this.#inputs.querySelectorAll("input, select")) {
            const place = left.findIndex(({ field }) => field === input.name);
            const [found] = place < 0 ? [] : left.splice(place, 1);
            input.setAttribute("aria-invalid", String(Boolean(found)));
            document.getElementById(`${input.id}-rule`).textContent = found?.rule ?? "";
            if (found) first ??= input;
        }
        first?.focus();
        return left;
    }
}
