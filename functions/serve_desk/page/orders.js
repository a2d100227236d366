/** The view Orders: the account's orders as a live table, each with a drawer at an address of its own. */

import { clockOf, el, setText } from "./dom.js";
import { AmendDialog } from "./orders_amend.js";
import { Changes, shortId } from "./orders_change.js";
import { Drawer } from "./orders_drawer.js";
import { OrderBrowser } from "./orders_browser.js";
import { filterForm } from "./orders_filters.js";
import { readRows } from "./orders_rows_read.js";

/** Show the view in `root`; returns {update, unmount}: `update` opens the order that an address names, or none. */
export function mount(root, context) {
    const { api, orders, session, socket, navigate } = context;
    const tokens = () => (session.isOpen ? context.tokens() : Promise.resolve([]));
    const said = el("p", { class: "orders-said", role: "status" });
    const decimals = decimalsOf(tokens);
    const say = (text, kind) => {
        setText(said, text);
        said.classList.toggle("bad", kind === "error");
        if (drawer.isOpen) drawer.say(text, kind);
    };
    const changes = new Changes({ api, orders, say });
    const browser = new OrderBrowser({ orders, session, doing: changes.doing });
    const drawer = new Drawer({ orders, changes, decimals });
    const amended = ({ order_id: id, status }) => {
        say(`Order ${shortId(id)} is amended${status === "open" ? "" : `: it is ${status}`}.`);
    };
    const amending = new AmendDialog({ api, orders, done: amended });
    const { table } = browser;
    const isLive = () => socket.state === "live";
    const showState = staleness(isLive, (at) => {
        browser.showStale(at);
        drawer.showStale(at);
    });

    table.addEventListener("open", ({ detail }) => navigate(`orders/${detail.id}`));
    table.addEventListener("act", ({ detail: { id, act } }) => {
        if (act === "cancel") changes.cancel(id);
        else openAmending(orders.get(id));
    });
    drawer.addEventListener("amend", ({ detail }) => openAmending(detail));
    drawer.addEventListener("closed", () => {
        navigate("orders");
        back();
    });
    amending.element.addEventListener("close", () => drawer.isOpen || back());

    let shownId = "";
    const openAmending = (order) => {
        shownId = order.order_id;
        table.isKept = true;
        amending.open(order);
    };
    /** The focus goes back to where it came from: the row of the order that was shown. */
    const back = () => {
        table.isKept = drawer.isOpen;
        if (!table.focus(shownId)) root.focus();
    };
    const update = (detail) => {
        if (detail) {
            shownId = detail;
            table.isKept = true;
            drawer.open(detail);
        } else if (drawer.isOpen) {
            drawer.close();
            back();
        }
    };
    root.append(
        el("div", { class: "orders" }, browser.head, filterForm(tokens, () => browser.refilter()), said,
            table.element, browser.foot),
        drawer.element,
        amending.element,
    );
    const stops = [
        orders.onChange((changed) => {
            browser.take(changed);
            drawer.update(changed);
        }),
        changes.onChange((id) => {
            table.updateRows([id]);
            drawer.update(new Set([id]));
        }),
        socket.onState(showState),
        readRows({ orders, seen: () => (drawer.isOpen ? [] : table.seen), isLive }),
        () => browser.stop(),
        () => drawer.close(),
    ];
    showState();
    browser.refilter();
    update(context.detail);
    return { update, unmount: () => stops.forEach((stop) => stop()) };
}

/** Return what has `show` called with the time since when nothing is live that has been, or with "". */
function staleness(isLive, show) {
    let wasLive = false;
    let since = "";
    return () => {
        if (isLive()) since = "";
        else if (wasLive) since ||= clockOf(new Date());
        wasLive ||= isLive();
        show(since);
    };
}

/** Return a function that returns the decimals of tokens by symbol: none before they are read. */
function decimalsOf(tokens) {
    const known = {};
    tokens().then((list) => list.forEach(({ symbol, decimals }) => (known[symbol] = decimals)), () => {});
    return () => known;
}
