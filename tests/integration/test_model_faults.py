"""That the model check can fail: each fault of `tests/model/faults.py` is planted, and has to be found."""

import pytest
import redis

from tests.model.faults import FAULTS, plant
from tests.model.opened import opened
from tests.model.violation import ViolationError


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_finds(quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plant(FAULTS[fault], monkeypatch)
    quick_redis.flushall()

    with opened(quick_redis, monkeypatch) as world, pytest.raises(ViolationError):
        FAULTS[fault].explorer(world).explore()
