"""Signs transactions for the mock chain."""

from hashlib import sha256

from orderflow.domain.order import Order, Signature


def sign(order: Order) -> Signature:
    """Return the signature of an order's transaction, `0x` and 64 hexadecimal digits.

    The same transaction gets the same signature however often it is signed, so a second sending is recognised.
    """
    transaction = order.built_transaction
    legs = ";".join(f"{leg.pool}:{leg.token_in}:{leg.amount_in}" for leg in order.chosen_route.legs)
    validity = f"{transaction.last_valid_slot}|{transaction.expires_at_ms}"
    message = f"{order.order_id}|{legs}|{transaction.minimum_out}|{validity}"
    return Signature("0x" + sha256(message.encode()).hexdigest())
