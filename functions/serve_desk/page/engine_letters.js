/** Dead letters: their list, and redrive and discard, each after a question. */

import { duration, el, setText, timeOf } from "./dom.js";
import { grouped } from "./exact.js";
import { statusMark } from "./status.js";
import { keepElements, scrollingTable } from "./tables.js";

const LISTED = 50;
const PATH = "/api/engine/dead-letters";
const READ_AGAIN_MS = 1_500;

const ACTIONS = {
    redrive: {
        label: "Redrive",
        className: "main",
        question: (letter) => `Put this record back on the stream ${letter.stream}?`,
        means: "Its function processes it again, and may try as often as with a new one.",
        done: (letter) => `${letter.name} is on its stream again.`,
        send: (api, path) => api.post(`${path}/redrive`),
    },
    discard: {
        label: "Discard",
        className: "danger",
        question: (letter) => `Delete the dead letter ${letter.name}?`,
        means: "Its record is lost: nothing will ever process it.",
        done: (letter) => `${letter.name} is deleted.`,
        send: (api, path) => api.delete(path),
    },
};

/** The list of dead letters, read with the first report, after each change of their number, and when asked for. */
export class Letters {
    #api;
    #announce;
    #body = el("tbody");
    #result = el("p", { role: "status" });
    #summary = el("p", { class: "muted" }, "…");
    #table;
    #rows = new Map();
    #known = null;
    #reading = null;
    #dialog = null;

    constructor({ api, announce }) {
        this.#api = api;
        this.#announce = announce;
        const names = ["When", "Function", "Reason", "Order", "What to do"];
        this.#table = scrollingTable("Table of the dead letters", names, this.#body, { className: "letters" });
        const title = el("h2", { id: "letters-title", tabindex: "-1" }, "Dead letters");
        const again = el("button", { type: "button", onclick: () => this.read() }, "Read again");
        this.element = el(
            "section",
            { class: "card stack", "aria-labelledby": "letters-title" },
            el("div", { class: "row" }, title, this.#summary, again),
            this.#result,
            this.#table,
        );
    }

    /** Take a report of the engine: where it counts others than are known, read them. */
    show({ dead_letters: count }) {
        if (count === undefined || count === this.#known) return;
        // The first report says that this key may see them.
        const delay = this.#known === null ? 0 : READ_AGAIN_MS;
        this.#known = count;
        this.#reading ??= setTimeout(() => this.read(), delay);
    }

    async read() {
        clearTimeout(this.#reading);
        this.#reading = null;
        try {
            const { dead_letters: letters, total } = await this.#api.get(PATH, { query: { limit: String(LISTED) } });
            const shown = letters.length < Number(total) ? `, the latest ${letters.length} are shown` : "";
            const none = "None: every record was processed.";
            setText(this.#summary, total === "0" ? none : `${grouped(total)} in all${shown}`);
            this.#table.hidden = letters.length === 0;
            const rows = letters.map((letter) => ({
                key: `${letter.name} ${letter.order_status}`,
                make: () => this.#row(letter),
            }));
            keepElements(this.#body, this.#rows, rows);
        } catch (error) {
            setText(this.#summary, `They can't be read: ${error.message}.`);
        }
    }

    end() {
        clearTimeout(this.#reading);
        this.#dialog?.remove();
    }

    #row(letter) {
        const buttons = Object.entries(ACTIONS).map(([name, { label }]) =>
            el(
                "button",
                {
                    type: "button",
                    class: name === "discard" ? "danger" : null,
                    "aria-label": `${label} ${letter.name}`,
                    onclick: () => this.#ask(letter, ACTIONS[name]),
                },
                label,
            ),
        );
        return el(
            "tr",
            { "data-letter": letter.name },
            el("td", {}, timeOf(letter.at), el("div", { class: "muted small" }, ageOf(letter))),
            el("td", {}, letter.function, el("div", { class: "muted small" }, letter.stream, ", ", attemptsOf(letter))),
            el("td", { class: "reason long" }, letter.error, el("div", { class: "muted small number" }, letter.name)),
            el("td", {}, orderOf(letter)),
            el("td", {}, el("div", { class: "row" }, buttons)),
        );
    }

    /** Ask whether it is meant, in a dialog that keeps the keyboard until it is answered. */
    #ask(letter, action) {
        const said = el("p", { class: "bad", role: "alert" });
        const yes = el("button", { type: "submit", class: action.className }, action.label);
        const no = el("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
        const form = el("form", { class: "stack", method: "dialog" }, el("div", { class: "row" }, yes, no));
        const title = el("h2", { id: "ask-title" }, action.question(letter));
        const about = el("p", { class: "long" }, `${letter.function}: ${letter.error}`);
        const dialog = el(
            "dialog",
            { class: "ask", "aria-labelledby": "ask-title" },
            el("div", { class: "stack" }, title, about, el("p", { class: "muted" }, action.means), said, form),
        );
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#act(letter, action, { dialog, said, yes });
        });
        dialog.addEventListener("close", () => dialog.remove());
        this.#dialog = dialog;
        document.body.append(dialog);
        dialog.showModal();
    }

    async #act(letter, action, { dialog, said, yes }) {
        yes.disabled = true;
        setText(said, "");
        const path = `${PATH}/${encodeURIComponent(letter.partition)}/${encodeURIComponent(letter.id)}`;
        try {
            await action.send(this.#api, path);
            this.#say(action.done(letter), "good");
        } catch (error) {
            if (error.status !== 404) {
                setText(said, `It can't be done: ${error.message}.`);
                yes.disabled = false;
                return;
            }
            this.#say(`${letter.name} is not there any more: it was redriven or deleted meanwhile.`, "warn");
        }
        dialog.close();
        // The button that was pressed is in a row that is no longer there.
        document.getElementById("letters-title")?.focus();
        await this.read();
    }

    #say(text, className) {
        this.#result.className = className;
        setText(this.#result, text);
        this.#announce(text);
    }
}

function ageOf({ at }) {
    return `${duration(Date.now() - Date.parse(at))} ago`;
}

function attemptsOf({ attempts }) {
    return attempts === "1" ? "1 attempt" : `${grouped(attempts)} attempts`;
}

function orderOf({ order_id: id, order_status: status, account }) {
    if (!id) return el("span", { class: "muted" }, "about no order");
    const link = el("a", { href: `#orders/${id}`, title: id }, `…${id.slice(-6)}`);
    return [link, " ", status ? statusMark(status) : "", account ? el("div", { class: "muted small" }, account) : null];
}
