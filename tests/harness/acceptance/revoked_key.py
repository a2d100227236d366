"""Steps of the suite `access`: what becomes of a socket, and of the next request, when its key is revoked."""

import asyncio
import time

from local.client.status_socket import SocketClosedError, StatusSocket
from tests.harness.acceptance.trial import Trial
from tests.support.access_table import RunKeys

ENDS_WITHIN_S = 20.0
POLL_S = 0.25
REVOKED = 4403


async def ends_with_its_key(trial: Trial, run_keys: RunKeys) -> None:
    """Open a socket with a key, revoke the key, and see the socket closed and the next request refused."""
    trial.narrator.step("a key that is revoked while its socket is open")
    key = (await asyncio.to_thread(run_keys, "add", "--account", "alpha")).strip()
    async with trial.with_key(key) as holder, holder.socket(narrate=False) as socket:
        trial.check("first it is good", 200, (await holder.request("GET", "/api/tokens")).status)
        await asyncio.to_thread(run_keys, "revoke", key.split("_")[2])
        said, code = await _end_of(socket)
        trial.check("its socket is said why it ends", "key revoked", said)
        trial.check("and closed", REVOKED, code)
        trial.check("and requests are refused", 403, await _refused(holder))


async def _end_of(socket: StatusSocket) -> tuple[object, object]:
    """Return the error on a socket and the code with which it is closed; that it was not, when it was not in time."""
    said: object = None
    try:
        while True:
            said = (await socket.receive(ENDS_WITHIN_S)).content.get("error")
    except SocketClosedError as closed:
        return said, closed.code
    except TimeoutError:
        return said, "open still"


async def _refused(holder: Trial) -> int:
    """Return the status of the first answer that is not 200, or of the last one in time."""
    until = time.monotonic() + ENDS_WITHIN_S
    while (answer := await holder.request("GET", "/api/tokens")).status == 200 and time.monotonic() < until:
        await asyncio.sleep(POLL_S)
    return answer.status
