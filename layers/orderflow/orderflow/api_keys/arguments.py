"""The command line for API keys: words in, what each command wants to know out."""

import argparse
import math
import re
from ipaddress import ip_network

from orderflow.domain.access import ACCOUNT, LOCAL_ACCOUNT, PERMISSIONS, Limits, Permission, Rate
from orderflow.domain.key_text import read_key_text

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)/s(?::([0-9]+))?", re.ASCII)
_ID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{11}", re.ASCII)
_ENVIRONMENT = re.compile(r"[a-z0-9]{1,12}", re.ASCII)
LONGEST_LABEL = 100
SLOWEST = 1 / 86_400
"""One a day. Much less can't be counted in µs, and what can't be counted is let pass."""
DEFAULTS = Limits()


def add_arguments(parser: argparse.ArgumentParser, *, environment: str) -> None:
    """Declare the commands; new keys have the `environment` in their text."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a key, and print it: alone on standard output, this once")
    _add_identity(add)
    _add_limits(add)
    listing = actions.add_parser("list", help="list the keys, without their secrets, newest first")
    listing.add_argument("--account", type=_account, help="those of one account")
    revoke = actions.add_parser("revoke", help="end keys at once and for good")
    revoke.add_argument("ids", nargs="+", type=_key_id, metavar="ID", help="a key's id, or the key")
    rotate = actions.add_parser("rotate", help="make a key that may do what another may, which ends")
    rotate.add_argument("id", type=_key_id, metavar="ID", help="the id of the key that ends, or that key")
    rotate.add_argument(
        "--grace",
        type=_duration_ms,
        default=0,
        metavar="TIME",
        help="how long both are good; by default 0s",
    )
    for command in (add, rotate):
        command.add_argument(
            "--environment",
            type=_environment,
            default=environment,
            help=f"stands in the key; by default {environment}",
        )
        command.add_argument(
            "--to-secret", metavar="NAME", help="put it into this secret of AWS Secrets Manager instead of printing it"
        )


def _add_identity(add: argparse.ArgumentParser) -> None:
    add.add_argument(
        "--account", type=_account, default=LOCAL_ACCOUNT, help=f"whose orders it sees; by default {LOCAL_ACCOUNT}"
    )
    add.add_argument(
        "--permissions",
        type=_permissions,
        default=("read", "trade"),
        help=f"of {', '.join(PERMISSIONS)}, with commas between; by default read,trade",
    )
    add.add_argument(
        "--networks",
        type=_networks,
        default=(),
        help="where it may be used from, such as 192.0.2.0/24,2001:db8::/32; by default anywhere",
    )
    add.add_argument("--expires-in", type=_time_to_live_ms, metavar="TIME", help="such as 30d, 12h; by default never")
    add.add_argument("--label", type=_label, default="", help="what it is for, for people")


def _add_limits(add: argparse.ArgumentParser) -> None:
    for name in ("orders", "changes", "reads"):
        rate: Rate = getattr(DEFAULTS, name)
        usual = f"{rate.per_second:g}/s:{rate.burst}"
        add.add_argument(
            f"--{name}", type=_rate, default=rate, metavar="RATE", help=f"a second, and at once; by default {usual}"
        )
    named, sockets = DEFAULTS.named_orders_a_day, DEFAULTS.sockets
    add.add_argument("--named-orders-a-day", type=_positive, default=named, metavar="N", help=f"by default {named:,}")
    add.add_argument("--sockets", type=_count, default=sockets, metavar="N", help=f"at a time; by default {sockets}")


def _account(text: str) -> str:
    if ACCOUNT.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("an account's name has 1 to 32 of a-z, 0-9, - and _, the first no - or _")
    return text


def _permissions(text: str) -> tuple[Permission, ...]:
    named = {name.strip() for name in text.split(",")}
    if not named <= {*PERMISSIONS}:
        raise argparse.ArgumentTypeError(f"permissions are {', '.join(PERMISSIONS)}, with commas between")
    return tuple(name for name in PERMISSIONS if name in named)


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(network.strip())) for network in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; a network looks like 192.0.2.0/24") from error


def _duration_ms(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("a time looks like 30d, 12h, 15m or 30s")
    return int(found[1]) * _SECONDS[found[2]] * 1_000


def _time_to_live_ms(text: str) -> int:
    if (duration_ms := _duration_ms(text)) == 0:
        raise argparse.ArgumentTypeError("a key that has ended when it is made is of no use")
    return duration_ms


def _rate(text: str) -> Rate:
    found = _RATE.fullmatch(text)
    if (
        found is None
        or not SLOWEST <= float(found[1]) <= 1_000_000
        or (found[2] and not 0 < int(found[2]) <= 10_000_000)
    ):
        raise argparse.ArgumentTypeError(
            "a rate looks like 500/s:1000, a second and at once; without :1000 twice that; one a day is the least"
        )
    per_second = float(found[1])
    return Rate(per_second, int(found[2]) if found[2] else math.ceil(2 * per_second))


def _count(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError("a whole number from 0 on is needed")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("a whole number from 1 on is needed")
    return int(text)


def _label(text: str) -> str:
    if len(text) > LONGEST_LABEL or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a label has {LONGEST_LABEL} printable characters at most")
    return text


def _environment(text: str) -> str:
    if _ENVIRONMENT.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("an environment has 1 to 12 of a-z and 0-9")
    return text


def _key_id(text: str) -> str:
    # None of these messages may quote what was given: it may be a key with a typo.
    said = read_key_text(text)
    if said is None and _ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("neither a key nor a key's id, which has 11 characters")
    return said.id if said else text
