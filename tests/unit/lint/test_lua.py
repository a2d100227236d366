"""The Lua linter: names of nobody, globals and what is not used are found; everything else is left alone."""

from pathlib import Path

import pytest

from tests.lint.lua import findings


def lint(directory: Path, **scripts: str) -> list[str]:
    """Return what is found in scripts, as NAME:LINE: what."""
    for name, text in scripts.items():
        (directory / f"{name}.lua").write_text(text, encoding="utf-8")
    found = findings(directory / f"{name}.lua" for name in scripts)
    return sorted(finding.removeprefix(f"{directory}/").replace(".lua", "", 1) for finding in found)


CLEAN = """
local first, second = KEYS[1], #KEYS
local function double(n) return n * 2 end
local function count_down(n)
  if n > 0 then return count_down(n - 1) else return double(n) end
end
for i = 1, second, 1 do
  redis.call('SET', first, i)
end
for _, value in ipairs({key = first, [second] = 'x', 3}) do
  repeat
    local done = value
  until done
end
while count_down(second) do
  local text = ("%d"):format(second)
  first = function(...) return text, select('#', ...) end
end
return first.second
"""


def test_scopes_are_followed(tmp_path: Path) -> None:
    assert lint(tmp_path, clean=CLEAN) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("return one", "x:1: one is not defined"),
        ("local one = one\nreturn one", "x:1: one is not defined"),
        ("local t = {}\nt[one] = {one = 1}\nreturn t", "x:2: one is not defined"),
        ("if KEYS then local one = 1; redis.log(one) end\nreturn one", "x:2: one is not defined"),
        ("for one = 1, 2 do redis.log(one) end\nreturn one", "x:2: one is not defined"),
        ("one = 1", "x:1: one is assigned and not local"),
        ("function one() end", "x:1: one is assigned and not local"),
        ("local one = 1", "x:1: one is not used"),
        ("local one\none = 2", "x:1: one is not used"),
        ("local one = 1\nlocal one = 2\nreturn one", "x:1: one is not used"),
        ("for i, one in pairs(KEYS) do redis.log(i) end", "x:1: one is not used"),
        ("local function one(two) return KEYS end\nreturn one", "x:1: two is not used"),
        ("local function one() return KEYS end", "x:1: one is not used"),
        ("-- requires: y\nreturn 1", "x:1: requires y, which is no script"),
        ("redis.log(1)\nlocal = 1", "x:2: is not Lua"),
        ("local = 1", "x:1: is not Lua"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, text: str, found: str) -> None:
    assert lint(tmp_path, x=text) == [found]


def test_a_script_has_the_functions_of_those_that_it_requires_and_of_those_that_they_require(tmp_path: Path) -> None:
    one = "-- requires: two\nreturn second() + third()"
    two = "-- requires: three\nlocal function second() return third() end"
    three = "local function third() return 3 end"

    assert lint(tmp_path, one=one, two=two, three=three) == []
    assert lint(tmp_path, one="return second()", two=two, three=three) == [
        "one:1: second is not defined",
        "two:2: second is not used",
    ]


def test_what_is_required_has_to_be_used(tmp_path: Path) -> None:
    one = "local function first() return 1 end"

    found = lint(tmp_path, one=one, two="-- requires: one\nreturn first()", three="-- requires: one\nreturn 3")

    assert found == ["three:1: requires one and uses none of its functions"]
