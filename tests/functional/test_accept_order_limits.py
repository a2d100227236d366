"""accept_order when many read at once: each kind of reading has its limit, which holds up neither the others nor orders."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
import redis

from functions.accept_order import health
from functions.accept_order.app import app
from orderflow.domain.order import event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.at_once import AtOnce
from tests.builders import ORDER_ID, OTHER_ID, make_order
from tests.fakes import FakeLedger, Outside
from tests.http_api import assert_problem, get
