"""accept_order through its Lambda handler: what an order that waits must not say, with the field and the rule."""

import pytest

from tests.support.fakes.outside import Outside
from tests.support.http_api import CONDITIONS, assert_problem, assert_refused, of_type, post

pytestmark = pytest.mark.usefixtures("_event_loop")

BUY = {"token_in": '"USDC"', "token_out": '"SOL"'}
TIME = "must be a time of RFC 3339 with its offset, such as 2026-12-01T12:00:00Z"
NUMBER = "must be a number or a decimal string"
LEGS = ("take_profit", "stop_loss")


@pytest.mark.parametrize(
    ("order_type", "field", "rule"),
    [
        ("limit", "limit_price", "is required for a limit order"),
        ("take_profit", "trigger_price", "is required for a take_profit order"),
        ("stop_loss", "trigger_price", "is required for a stop_loss order"),
        ("trailing_stop", "trail_bps", "is required for a trailing_stop order"),
        ("oco", "take_profit", "is required for an oco order"),
        ("oco", "stop_loss", "is required for an oco order"),
        ("twap", "slices", "is required for a twap order"),
        ("twap", "interval", "is required for a twap order"),
        ("limit", "amount", "is required"),
        ("twap", "token_in", "is required"),
    ],
)
def test_what_an_order_of_a_type_needs_is_named(outside: Outside, order_type: str, field: str, rule: str) -> None:
    assert_refused(post(of_type(order_type, **{field: None})), field, rule)
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("order_type", "field"),
    [
        *[("market", field) for field in ("limit_price", "trigger_price", "slices", "expires_at", "time_in_force")],
        *[("market", field) for field in ("price_in", "take_profit", "allow_partial", "expires_in", "min_amount_out")],
        *[("limit", field) for field in ("trigger_price", "trail_bps", "slices", "take_profit", "trigger_slots")],
        *[("take_profit", field) for field in ("min_amount_out", "trail_bps", "allow_partial", "then", "stop_loss")],
        *[("stop_loss", field) for field in ("activation_price", "interval", "then", "take_profit")],
        *[("trailing_stop", field) for field in ("trigger_price", "min_amount_out", "then")],
        *[("oco", field) for field in ("max_slippage", "limit_price", "trigger_price", "trigger_slots", "then")],
        *[("twap", field) for field in ("min_amount_out", "allow_partial", "then", "trigger_price")],
    ],
)
def test_a_field_of_another_type_is_refused_as_such(outside: Outside, order_type: str, field: str) -> None:
    answer = post(of_type(order_type, **{field: "1"}))

    article = "an" if order_type == "oco" else "a"
    assert_refused(answer, field, f"is not a field of {article} {order_type} order")


@pytest.mark.parametrize("order_type", CONDITIONS)
def test_a_field_of_no_type_is_refused_as_such(outside: Outside, order_type: str) -> None:
    assert_refused(post(of_type(order_type, colour='"red"')), "colour", "is not a field of an order")


def test_the_fields_of_other_types_are_no_fault_of_an_order_without_one(outside: Outside) -> None:
    assert_refused(post(of_type("limit", order_type=None)), "order_type", "is required")
    problem = assert_problem(post(of_type("oco", order_type=None, colour="1", slices="0")), 400)
    assert [error["field"] for error in problem["errors"]] == ["order_type", "colour"]


@pytest.mark.parametrize(
    ("order_type", "field", "value", "rule"),
    [
        *[("limit", "limit_price", value, "must be greater than zero") for value in ("0", "-1", '"-0.5"')],
        *[("limit", "limit_price", value, NUMBER) for value in ("true", "[]", "{}")],
        ("limit", "limit_price", '"221,37"', "must be a decimal number"),
        ("limit", "limit_price", "221.370000000000000001", "must have at most 18 significant digits"),
        ("limit", "limit_price", '"1e19"', "must be from 0.000000000000000001 to 1000000000000000000"),
        ("limit", "min_amount_out", '"2750"', "must not come with min_amount_out"),
        ("limit", "price_in", '"SOL"', "must be 'token_out' or 'token_in'"),
        ("limit", "time_in_force", '"GTC"', "must be 'gtc', 'gtd', 'fok' or 'ioc'"),
        ("limit", "time_in_force", '"gtd"', "gtd needs expires_at or expires_in"),
        *[("limit", "allow_partial", value, "must be true or false") for value in ("1", '"true"', "[]")],
        *[("limit", "expires_at", value, TIME) for value in ("1767225600", '"1767225600"', "true", '"2026-12-01"')],
        ("limit", "expires_at", '"2026-12-01T12:00:00"', "must have an offset, such as Z or +02:00"),
        ("limit", "expires_at", '"2026-11-22T18:14:01Z"', "must be in the future"),
        ("limit", "expires_at", '"2028-01-01T00:00:00Z"', "must be at most a year ahead"),
        *[("limit", "expires_in", value, "must be greater than zero") for value in ("0", "-1", '"-0.1"')],
        ("limit", "expires_in", "31622401", "must be at most 31622400"),
        ("limit", "expires_in", '"1h"', "must be a decimal number"),
        ("take_profit", "time_in_force", '"fok"', "must be 'gtc' or 'gtd'"),
        ("oco", "time_in_force", '"ioc"', "must be 'gtc' or 'gtd'"),
        ("twap", "time_in_force", '"fok"', "must be 'gtc' or 'gtd'"),
        *[
            ("stop_loss", "trigger_slots", value, "must be a whole number from 1 to 150")
            for value in ("0", "151", "1.5", '"2.5"', "-1")
        ],
        ("stop_loss", "max_slippage", "0.51", "must be from 0.01 to 0.5"),
        *[
            ("trailing_stop", "trail_bps", value, "must be a whole number from 50 to 9000")
            for value in ("49", "9001", "99.5", "0", "-100", "1e400")
        ],
        ("trailing_stop", "activation_price", "0", "must be greater than zero"),
        *[("twap", "slices", value, "must be a whole number from 2 to 1000") for value in ("1", "1001", "2.5", "0")],
        *[("twap", "interval", value, "must be a whole number from 1 to 604800") for value in ("0", "604801", "0.5")],
        *[("oco", leg, value, "must be a JSON object") for leg in LEGS for value in ("1", "[]", '"250"')],
        ("market", "then", "[]", "must be a JSON object"),
        ("market", "then", "{}", "must have a take_profit or a stop_loss"),
        ("limit", "then", '{"take_profit":null}', "must have a take_profit or a stop_loss"),
    ],
)
def test_a_condition_that_breaks_a_rule_is_refused_with_its_field_and_the_rule(
    outside: Outside, order_type: str, field: str, value: str, rule: str
) -> None:
    answer = post(of_type(order_type, **{field: value}))

    # Of the two limits the later one is the one too many.
    assert_refused(answer, "limit_price" if field == "min_amount_out" else field, rule)
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("0", "must be greater than zero"),
        ('"0.0000001"', "must have at most 6 decimals for USDC"),
        ("1e20", "must be at most 18446744073709.551615 USDC"),
        ("true", NUMBER),
    ],
)
def test_a_least_amount_is_an_amount_of_the_token_that_is_bought(outside: Outside, value: str, rule: str) -> None:
    answer = post(of_type("limit", limit_price=None, min_amount_out=value))

    assert_refused(answer, "min_amount_out", rule)


def test_a_least_amount_of_a_token_that_is_not_known_is_at_least_a_number(outside: Outside) -> None:
    problem = assert_problem(post(of_type("limit", limit_price=None, token_out='"DOGE"', min_amount_out="-1")), 400)

    assert [error["field"] for error in problem["errors"]] == ["token_out", "min_amount_out"]


def test_an_order_ends_at_a_time_or_after_one(outside: Outside) -> None:
    answer = post(of_type("twap", expires_at='"2026-12-01T12:00:00Z"', expires_in="60"))

    assert_refused(answer, "expires_in", "must not come with expires_at")


def test_an_expiry_that_can_not_be_used_is_an_expiry(outside: Outside) -> None:
    answer = post(of_type("limit", expires_in="-1", time_in_force='"gtd"'))

    assert_refused(answer, "expires_in", "must be greater than zero")


def test_all_or_nothing_is_not_in_parts(outside: Outside) -> None:
    fok = {"time_in_force": '"fok"'}

    assert_refused(
        post(of_type("limit", **fok, allow_partial="true")), "allow_partial", "must not be true with time_in_force fok"
    )
    assert post(of_type("limit", **fok, allow_partial="false")).status == 202


ABOVE, BELOW = "must be above stop_loss.trigger_price", "must be below stop_loss.trigger_price with price_in token_in"


@pytest.mark.parametrize(
    ("profit", "stop", "price_in", "rule"),
    [
        ("200", "250", None, ABOVE),
        ("200", "200.00", None, ABOVE),
        ("200", "250", '"token_out"', ABOVE),
        ("250", "200", '"token_in"', BELOW),
        ("200", "200", '"token_in"', BELOW),
    ],
)
def test_a_profit_is_on_the_other_side_of_the_stop(
    outside: Outside, profit: str, stop: str, price_in: str | None, rule: str
) -> None:
    legs = {"take_profit": f'{{"trigger_price":"{profit}"}}', "stop_loss": f'{{"trigger_price":{stop}}}'}
    in_then = {**legs, **({"price_in": price_in} if price_in else {})}
    then = "{" + ",".join(f'"{name}":{value}' for name, value in in_then.items()) + "}"

    assert_refused(post(of_type("oco", **legs, price_in=price_in)), "take_profit.trigger_price", rule)
    assert_refused(post(of_type("market", then=then)), "then.take_profit.trigger_price", rule)


def test_with_prices_in_the_token_sold_the_profit_is_below_the_stop(outside: Outside) -> None:
    legs = {"take_profit": '{"trigger_price":200}', "stop_loss": '{"trigger_price":250}'}

    assert post(of_type("oco", **BUY, **legs, price_in='"token_in"', amount="100")).status == 202


@pytest.mark.parametrize(
    ("leg", "field", "rule"),
    [
        ('{"trigger_price":0}', "trigger_price", "must be greater than zero"),
        ('{"trigger_price":225,"trigger_slots":151}', "trigger_slots", "must be a whole number from 1 to 150"),
        ('{"trigger_price":225,"max_slippage":"0.001"}', "max_slippage", "must be from 0.01 to 0.5"),
        ('{"trigger_price":225,"limit_price":-1}', "limit_price", "must be greater than zero"),
        ('{"trigger_price":225,"trail_bps":100}', "trail_bps", "is not a field of {leg}"),
        ('{"trigger_price":225,"colour":1}', "colour", "is not a field of {leg}"),
    ],
)
@pytest.mark.parametrize("name", LEGS)
def test_a_leg_that_breaks_a_rule_is_refused_with_its_place(
    outside: Outside, name: str, leg: str, field: str, rule: str
) -> None:
    rule = rule.format(leg=name)

    assert_refused(post(of_type("oco", **{name: leg})), f"{name}.{field}", rule)
    assert_refused(post(of_type("limit", then=f'{{"{name}":{leg}}}')), f"then.{name}.{field}", rule)


@pytest.mark.parametrize(("leg", "rule"), [("{}", "is required"), ('{"trigger_price":null}', NUMBER)])
@pytest.mark.parametrize("name", LEGS)
def test_a_leg_has_a_price(outside: Outside, name: str, leg: str, rule: str) -> None:
    relative = "gain_bps" if name == "take_profit" else "loss_bps"

    assert_refused(post(of_type("oco", **{name: leg})), f"{name}.trigger_price", rule)
    exits = post(of_type("limit", then=f'{{"{name}":{leg}}}'))
    assert_refused(exits, f"then.{name}", f"must have a trigger_price or a {relative}")


@pytest.mark.parametrize(
    ("field", "exits", "rule"),
    [
        (
            "take_profit.gain_bps",
            '{"take_profit":{"gain_bps":1,"trigger_price":"300"}}',
            "must not come with trigger_price",
        ),
        ("stop_loss.loss_bps", '{"stop_loss":{"trigger_price":"1","loss_bps":1}}', "must not come with trigger_price"),
        ("stop_loss.loss_bps", '{"stop_loss":{"loss_bps":10000}}', "must be a whole number from 1 to 9999"),
        *[
            (
                "take_profit",
                mixed,
                "must have a trigger_price where stop_loss has one, and gain_bps where that has loss_bps",
            )
            for mixed in (
                '{"take_profit":{"gain_bps":5000},"stop_loss":{"trigger_price":"200"}}',
                '{"take_profit":{"trigger_price":"250"},"stop_loss":{"loss_bps":3000}}',
            )
        ],
        ("take_profit.gain_bps", '{"take_profit":{"gain_bps":0}}', "must be a whole number from 1 to 10000000"),
        ("take_profit.gain_bps", '{"take_profit":{"gain_bps":"half"}}', "must be a decimal number"),
        ("take_profit.loss_bps", '{"take_profit":{"trigger_price":1,"loss_bps":1}}', "is not a field of take_profit"),
        ("stop_loss.gain_bps", '{"stop_loss":{"trigger_price":1,"gain_bps":1}}', "is not a field of stop_loss"),
    ],
)
@pytest.mark.parametrize("order_type", ["market", "limit", "sniper"])
def test_an_exit_has_one_price_that_can_be_met(
    outside: Outside, order_type: str, field: str, exits: str, rule: str
) -> None:
    assert_refused(post(of_type(order_type, then=exits)), f"then.{field}", rule)


@pytest.mark.parametrize("order_type", ["oco", "take_profit"])
def test_only_exits_have_a_price_that_is_relative(outside: Outside, order_type: str) -> None:
    legs = {"take_profit": '{"gain_bps":5000}'} if order_type == "oco" else {"gain_bps": "5000"}

    assert assert_problem(post(of_type(order_type, **legs)), 400)["errors"][-1]["field"].endswith("gain_bps")


def test_a_leg_names_a_field_once(outside: Outside) -> None:
    problem = assert_problem(post(of_type("oco", stop_loss='{"trigger_price":1,"trigger_price":2}')), 400)

    assert problem["detail"] == "the body is not JSON: a field is named twice"


def test_all_that_is_wrong_with_an_order_that_waits_is_said_at_once(outside: Outside) -> None:
    wrong = {"amount": "0", "limit_price": None, "time_in_force": '"gtd"', "then": "{}", "trail_bps": "1"}

    problem = assert_problem(post(of_type("limit", **wrong)), 400)

    assert [error["field"] for error in problem["errors"]] == [
        "amount",
        "limit_price",
        "time_in_force",
        "then",
        "trail_bps",
    ]


@pytest.mark.parametrize("order_type", [each for each in CONDITIONS if each not in ("market", "twap", "sniper")])
def test_an_order_that_waits_is_worth_a_dollar(outside: Outside, order_type: str) -> None:
    dust = {"token_in": '"BONK"', "limit_price": '"0.00002"'} if order_type == "limit" else {"token_in": '"BONK"'}

    assert_refused(post(of_type(order_type, **dust, amount="49999.99999")), "amount", "is worth less than 1 USD")
    assert outside.intake.created == []
    assert post(of_type(order_type, **dust, amount="50000")).status == 202


def test_each_slice_is_worth_a_dollar(outside: Outside) -> None:
    slices = {**BUY, "slices": "3"}

    assert_refused(post(of_type("twap", **slices, amount="2.999999")), "amount", "is worth less than 1 USD a slice")
    assert post(of_type("twap", **slices, amount="3")).status == 202


def test_a_market_order_may_be_worth_less(outside: Outside) -> None:
    assert post(of_type("market", amount="0.000000001")).status == 202


@pytest.mark.parametrize(
    ("order_type", "given", "field"),
    [
        ("limit", {"limit_price": "1e12"}, "limit_price"),
        ("stop_loss", {"limit_price": "1e12"}, "limit_price"),
        ("oco", {"stop_loss": '{"trigger_price":200,"limit_price":1e12}'}, "stop_loss.limit_price"),
        ("twap", {"limit_price": "1e-12", "price_in": '"token_in"'}, "limit_price"),
    ],
)
def test_no_limit_asks_for_more_than_an_account_can_hold(
    outside: Outside, order_type: str, given: dict[str, str], field: str
) -> None:
    answer = post(of_type(order_type, amount="100", **given))

    assert_refused(answer, field, "must ask for at most 18446744073709.551615 USDC for the whole amount")


@pytest.mark.parametrize(
    ("in_parts", "rule"),
    [
        ({"allow_partial": "true"}, "must not come with allow_partial"),
        ({"time_in_force": '"ioc"'}, "must not come with time_in_force ioc"),
    ],
)
def test_exits_follow_only_an_order_that_is_executed_as_a_whole(
    outside: Outside, in_parts: dict[str, str], rule: str
) -> None:
    then = '{"stop_loss":{"trigger_price":"200"}}'

    assert_refused(post(of_type("limit", then=then, **in_parts)), "then", rule)
    assert outside.intake.created == []
