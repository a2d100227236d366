"""A system of a judge's own: one that does not start is reported."""

import pytest

from tests.harness.own_system import SystemNotReadyError, started


def test_a_system_that_does_not_start_is_reported_with_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.harness.own_system.COMMAND", ["-c", "import sys; sys.exit('no database')"])

    with pytest.raises(SystemNotReadyError, match="no database"), started(0):
        pass
