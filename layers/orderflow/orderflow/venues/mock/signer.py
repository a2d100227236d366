"""Signs transactions for the mock chain."""

from hashlib import sha256

from orderflow.domain.order import Order, Signature


def sign(order: Order) -> Signature:
    """Return the signature of an order's transaction, `0x` and 64 hexadecimal digits.

    The same transaction gets the same signature however often it is signed, so a second sending is recognised. An order
    that waits may be tried again by the same route in the same slot: the attempt is part of what is signed.
    """
    transaction = order.built_transaction
    legs = ";".join(f"{leg.pool}:{leg.token_in}:{leg.amount_in}" for leg in order.chosen_route.legs)
    validity = f"{transaction.last_valid_slot}|{transaction.expires_at_ms}"
    message = f"{order.order_id}|{legs}|{transaction.minimum_out}|{validity}"
    if order.request.waits and order.fired is not None:
        message += f"|{order.fired.slot}|{order.attempts}|{order.amount_filled}"
    return Signature("0x" + sha256(message.encode()).hexdigest())
