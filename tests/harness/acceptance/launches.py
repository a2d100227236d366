"""The launches of a system as its clients see them, for the suite of orders that wait for one."""

from typing import Any, NamedTuple

from tests.harness.acceptance.refusal import judged
from tests.harness.acceptance.trial import Trial

PATH = "/api/launches"
FLAGS = ("mint_renounced", "freezable", "lp_burned")
_FIELDS = (
    *("token", "quote", "venue", "pool", "liquidity", *FLAGS, "top10_bps"),
    *("announced_slot", "open_slot", "close_slot", "status"),
)
_STATUSES = ("announced", "open", "past")


class Launch(NamedTuple):
    """A launch that was listed, as far as the suite asks for more than that it is there."""

    symbol: str
    mint: str
    decimals: int
    quote: str
    status: str
    announced_slot: int
    open_slot: int
    flags: dict[str, bool]


async def listed(trial: Trial, **query: object) -> list[Launch]:
    """GET a page of launches."""
    return [_read(launch) for launch in (await _page(trial, **query))["launches"]]


async def check_lists(trial: Trial) -> bool:
    """Check what is listed, and return whether this market has launches at all."""
    trial.narrator.step("the launches that are announced, open and past")
    page = await _page(trial)
    lacking = [name for launch in page["launches"] for name in _FIELDS if name not in launch]
    trial.check("each has all of its fields", [], lacking)
    launches = [_read(launch) for launch in page["launches"]]
    slots = [launch.announced_slot for launch in launches]
    trial.check("the newest come first, each once", sorted(set(slots), reverse=True), slots)
    early = [launch.symbol for launch in launches if not launch.announced_slot < launch.open_slot]
    trial.check("none opens before it is announced", [], early)
    ahead = [launch.symbol for launch in launches if launch.announced_slot > page["slot"]]
    trial.check("none is announced that the market has not come to", [], ahead)
    for status in _STATUSES:
        found = {launch.status for launch in await listed(trial, status=status)}
        trial.check(f"those that are {status} are", f"at most {status}", found, found <= {status})
    for name, value in (("status", "closed"), ("limit", "0"), ("limit", "abc"), ("cursor", "nothing"), ("colour", 1)):
        answer = await trial.request("GET", f"{PATH}?{name}={value}")
        trial.check(f"{name}={value} → 400", f"400 naming {name}", *judged(answer, 400, name))
    await _check_pages(trial, len(launches))
    return bool(launches)


async def _check_pages(trial: Trial, count: int) -> None:
    """Check that a page of one launch is followed by one with the next, where there are two."""
    if count < 2:
        return
    first = await _page(trial, limit=1)
    second = await _page(trial, limit=1, cursor=first["next_cursor"])
    [one], [two] = first["launches"], second["launches"]
    slots = one["announced_slot"], two["announced_slot"]
    trial.check("a page goes on where the last one ended", "an earlier one", slots, slots[0] > slots[1])


async def _page(trial: Trial, **query: object) -> dict[str, Any]:
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    page: dict[str, Any] = (await trial.request("GET", f"{PATH}?{parameters}" if parameters else PATH)).json()
    return page


def _read(launch: dict[str, Any]) -> Launch:
    token = launch["token"]
    same = {name: launch[name] for name in ("quote", "status", "announced_slot", "open_slot")}
    flags = {flag: launch[flag] for flag in FLAGS}
    return Launch(token["symbol"], token["mint"], token["decimals"], **same, flags=flags)
