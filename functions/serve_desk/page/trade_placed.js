/** The orders placed in this tab: the latest with its steps as they happen, the others in a line each. */

import { ApiError, api } from "./api.js";
import { announce, duration, el, replace, setText, timeOf } from "./dom.js";
import { grouped } from "./exact.js";
import { ENDED, orders } from "./order_store.js";
import { statusMark, stepTimes } from "./status.js";
import { placed } from "./trade_state.js";

const SHOWN = 8;
const TICK_MS = 100;
const LOOK_MS = 3_000;
const RESTING = new Set(["open", "partially_filled"]);

export class PlacedView {
    #latest = el("div", {});
    #list = el("ul", { class: "trade-placed-list" });
    #running = null;
    #since = new Map(); // "id#sequence" → when this page saw that step
    #cancels = new Map(); // id → what became of the wish to cancel it
    #announced = "";
    #stops = [];

    constructor(socket) {
        this.element = el(
            "section",
            {
                class: "card trade-placed",
                "aria-labelledby": "trade-placed-title",
                id: "trade-placed",
                hidden: true,
            },
            el("h2", { id: "trade-placed-title" }, "Placed here"),
            this.#latest,
            this.#list,
        );
        const isPlaced = (changed) => placed.some(({ id }) => changed.has(id));
        const [tick, look] = [
            setInterval(() => this.#tick(), TICK_MS),
            setInterval(() => this.#look(socket), LOOK_MS),
        ];
        this.#stops = [
            orders.onChange((changed) => isPlaced(changed) && this.show()),
            () => clearInterval(tick),
            () => clearInterval(look),
        ];
        this.show();
    }

    stop() {
        for (const stop of this.#stops) stop();
    }

    show() {
        this.element.hidden = !placed.length;
        if (!placed.length) return;
        const focused = document.activeElement?.id;
        const [latest, ...others] = placed;
        replace(this.#latest, this.#order(latest));
        replace(
            this.#list,
            others.slice(0, SHOWN - 1).map((order) => this.#line(order)),
        );
        this.#list.hidden = !others.length;
        if (focused?.startsWith("trade-order-")) document.getElementById(focused)?.focus();
        this.#tick();
    }

    #order(order) {
        const known = orders.get(order.id);
        const steps = known?.steps.length ? known.steps : [{ status: "pending", at: order.at, sequence: "1" }];
        const last = steps.at(-1);
        const hasEnded = ENDED.has(last.status);
        const mark = `${order.id}#${last.sequence}`;
        if (!this.#since.has(mark)) this.#since.set(mark, Date.now());
        this.#running = null;
        const items = stepTimes(steps).map((step) =>
            el(
                "li",
                { "data-status": step.status },
                statusMark(step.status),
                " ",
                this.#took(step, mark, hasEnded),
            ),
        );
        const all = Date.parse(last.at) - Date.parse(steps[0].at);
        if (hasEnded && this.#announced !== mark) {
            this.#announced = mark;
            announce(`${order.title}: ${last.status}`);
        }
        return el(
            "article",
            {
                class: "trade-order",
                "aria-label": order.title,
                "data-order": order.id,
                "data-status": last.status,
            },
            el(
                "p",
                { class: "trade-order-title" },
                el("strong", {}, order.title),
                " ",
                el("span", { class: "muted small" }, timeOf(order.at)),
            ),
            el("ol", { class: "trade-order-steps", "aria-label": "Steps" }, items),
            this.#outcome(known, hasEnded, all),
            el("p", { class: "row" }, this.#cancel(order, hasEnded), this.#link(order, "Everything about it")),
            el(
                "p",
                { class: "small", id: "trade-cancelled", role: "status" },
                this.#cancels.get(order.id) ?? "",
            ),
        );
    }

    #took(step, mark, hasEnded) {
        if (step.tookMs !== null) return el("span", { class: "number small muted" }, duration(step.tookMs));
        if (hasEnded) return null;
        const running = el("span", { class: "number small muted" });
        this.#running = { element: running, since: this.#since.get(mark) };
        return running;
    }

    #outcome(known, hasEnded, allMs) {
        if (!known) return null;
        const price = known.execution_price ?? null;
        const words = [];
        if (hasEnded) words.push(el("span", { class: "small muted" }, `ended after ${duration(allMs)}`));
        if (price !== null)
            words.push(
                el("span", {}, "at ", el("span", { class: "number" }, grouped(price)), ` ${unitOf(known)}`),
            );
        if (known.reason)
            words.push(
                el("span", { class: known.status === "failed" ? "bad long" : "muted long" }, known.reason),
            );
        return words.length ? el("p", { class: "trade-outcome" }, words) : null;
    }

    #line(order) {
        const status = orders.get(order.id)?.status ?? "pending";
        const hasEnded = ENDED.has(status);
        return el(
            "li",
            { "data-order": order.id },
            statusMark(status),
            el("span", { class: "trade-line-title" }, this.#link(order, order.title)),
            el("span", { class: "muted small" }, timeOf(order.at)),
            this.#cancel(order, hasEnded),
        );
    }

    #link(order, text) {
        return el("a", { href: `#orders/${order.id}`, id: `trade-order-link-${order.id}` }, text);
    }

    #cancel(order, hasEnded) {
        const status = orders.get(order.id)?.status;
        if (hasEnded || status === "submitted") return null;
        const isAsked = this.#cancels.get(order.id) === "cancelling…";
        return el(
            "button",
            {
                type: "button",
                class: RESTING.has(status) ? "danger" : "danger quiet",
                id: `trade-order-cancel-${order.id}`,
                "aria-label": `Cancel ${order.title}`,
                disabled: isAsked,
                onclick: () => this.#doCancel(order),
            },
            "Cancel",
        );
    }

    async #doCancel(order) {
        this.#cancels.set(order.id, "cancelling…");
        this.show();
        try {
            const answer = await api.delete(`/api/orders/${order.id}`);
            const isOver = answer.cancel !== "requested";
            const isLate = "Its cancel is requested: what is under way may still be executed.";
            this.#said(order, isOver ? "" : isLate);
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            const ended = error.orderStatus ? `it is ${error.orderStatus.replaceAll("_", " ")}` : error.message;
            this.#said(order, `Not cancelled: ${ended}.`);
        }
        await this.#read(order.id);
        this.show();
    }

    #said(order, text) {
        this.#cancels.set(order.id, text);
        if (text) announce(`${order.title}: ${text}`);
    }

    #tick() {
        if (this.#running) setText(this.#running.element, duration(Date.now() - this.#running.since));
    }

    /** Ask for the orders under way where the socket does not say what becomes of them. */
    #look(socket) {
        if (socket.state === "live" || document.hidden) return;
        for (const { id } of placed.slice(0, SHOWN)) if (!ENDED.has(orders.get(id)?.status)) this.#read(id);
    }

    async #read(id) {
        try {
            await orders.read(id);
        } catch (error) {
            // How the connection is, the page says by itself; and another key's orders are not these.
            if (!(error instanceof ApiError) && error.name !== "AbortError") throw error;
        }
    }
}

function unitOf({ token_in: sold, token_out: bought }) {
    return sold && bought ? `${bought} per ${sold}` : "";
}
