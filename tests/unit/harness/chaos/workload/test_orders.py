"""chaos/workload/orders.py: each order of a run is distinguished from all others by its amount."""

from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.orders import identities


def test_no_two_orders_of_a_run_are_alike() -> None:
    orders = identities()

    made = [next(orders) for _ in range(5000)]

    assert len({(token_in, amount_in) for token_in, _, amount_in in made}) == 5000
    assert {(token_in, token_out) for token_in, token_out, _ in made} == {
        (token_out, token_in) for token_in, token_out, _ in made
    }


def test_posts_are_worth_what_their_identity_says() -> None:
    load = OpenLoop("http://127.0.0.1:1", 1, lambda _: None)

    post = load.new_post(None)

    token_in, token_out, amount_in = post.identity
    assert post.body() == {
        "token_in": token_in,
        "token_out": token_out,
        "amount": f"{amount_in / 1e6:.6f}",
        "order_type": "market",
    }
