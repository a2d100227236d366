/** The desk: starts the page, shows the view that the address names, and how the connection is. */

import { ApiError, api } from "./api.js";
import { announce, el, notice, replace } from "./dom.js";
import { orders } from "./order_store.js";
import { session, storage } from "./session.js";
import { socket } from "./socket.js";

const VIEWS = {
    trade: { title: "Trade", load: () => import("./trade.js") },
    orders: { title: "Orders", load: () => import("./orders.js") },
    market: { title: "Market", load: () => import("./market.js") },
    engine: { title: "Engine", load: () => import("./engine.js") },
};
const STATES = {
    idle: "not connected",
    connecting: "connecting",
    live: "live",
    offline: "connection lost, trying again",
    refused: "key refused",
};

const root = document.getElementById("view");
let shown = { name: "", unmount: null, update: null };

/**
 * What every view gets. `tokens()` is a promise of the tokens that can be traded, read once for each key and refused
 * without one; with `{anew: true}` they are read again, for launches make it longer.
 */
const context = { api, session, socket, orders, tokens, navigate, announce, notice };

let tokenList = null;
function tokens({ anew = false } = {}) {
    if (!session.isOpen) return Promise.reject(new ApiError(401, { detail: "an API key is needed" }));
    if (anew) tokenList = null;
    tokenList ??= api.get("/api/tokens").then(({ tokens: list }) => list);
    tokenList.catch(() => (tokenList = null));
    return tokenList;
}

function navigate(hash) {
    location.hash = hash;
}

/** Show the view of the address: #name or #name/detail. A view that is shown already only gets the new detail. */
async function show() {
    const [named, ...detail] = location.hash.slice(1).split("/");
    const name = Object.hasOwn(VIEWS, named) ? named : "trade";
    if (shown.name === name && shown.update) return shown.update(detail.join("/"));
    shown.unmount?.();
    const mine = { name, unmount: null, update: null };
    shown = mine;
    mark(name);
    document.title = `${VIEWS[name].title} · Orderflow`;
    root.replaceChildren();
    const loaded = await VIEWS[name].load().catch(() => null);
    // Another address may be shown by now, of this view too.
    if (shown !== mine) return;
    if (!loaded) return showLack();
    const { mount } = loaded;
    const mounted = mount(root, { ...context, detail: detail.join("/") });
    Object.assign(mine, { unmount: mounted.unmount ?? mounted, update: mounted.update ?? null });
}

/**
 * Say that a view is lacking: its files can't be had, or are those of a later version, which was deployed since the page
 * was loaded and does not go with the files that it has. The browser asks for them again with the page alone.
 */
function showLack() {
    const again = el("button", { type: "button", onclick: () => location.reload() }, "Load the page again");
    replace(root, el("p", { role: "alert" }, "This view can't be loaded. There may be a newer version. "), again);
}

function mark(name) {
    for (const link of document.querySelectorAll("#tabs a")) {
        if (link.dataset.view === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
}

function showConnection(state) {
    const line = document.getElementById("link-state");
    line.dataset.state = state;
    line.textContent = STATES[state];
    if (state === "refused") notice("This key is refused: it is unknown, has ended, or may not read.", "error");
    else if (state === "offline") notice("The connection is lost: what you see may be out of date.", "error");
    else if (state === "live") notice("");
}

function keyField() {
    const form = document.getElementById("key-form");
    const field = document.getElementById("key");
    const drop = document.getElementById("key-drop");
    form.hidden = !session.needsKey;
    const update = () => {
        drop.hidden = !session.key;
        field.placeholder = session.key ? `in use: ${session.publicPart}…` : "of_…";
        if (!session.isOpen) notice("This engine needs an API key: enter one above. It stays in this tab.");
    };
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        const typed = field.value.trim();
        if (!typed) return;
        field.value = "";
        if (!session.mayBe(typed)) return notice("This is no API key: it has characters that no key has.", "error");
        notice("");
        session.use(typed);
    });
    drop.addEventListener("click", () => session.use(""));
    session.onChange(() => {
        tokenList = null;
        update();
        // What a view shows is another account's from now on.
        shown.unmount?.();
        shown = { name: "", unmount: null, update: null };
        show();
    });
    update();
}

function theme() {
    const page = document.documentElement;
    const kept = storage("localStorage");
    page.dataset.theme = kept.getItem("orderflow-theme") ?? "";
    document.getElementById("theme").addEventListener("click", () => {
        const now = page.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
        const wanted = now === "dark" ? "light" : "dark";
        page.dataset.theme = wanted;
        kept.setItem("orderflow-theme", wanted);
        dispatchEvent(new Event("themechange"));
    });
}

function start() {
    theme();
    socket.onState(showConnection);
    keyField();
    orders.start();
    showConnection(socket.state);
    document.getElementById("skip").addEventListener("click", (event) => {
        event.preventDefault();
        root.focus();
    });
    addEventListener("hashchange", show);
    show();
}

start();
