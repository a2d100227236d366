"""Says what to try, once everything runs."""

import sys
from contextlib import suppress
from pathlib import Path

from local.settings import ROOT, LocalSettings


def what_to_try(settings: LocalSettings, seconds: float) -> str:
    """Return the lines that greet whoever started the system; `seconds` is how long that took."""
    url = settings.url
    pace: dict[float, str] = {0: "no simulated waiting", 1: "an order takes 2 to 3 s"}
    return f"""
Orderflow is ready at {url} after {seconds:.1f} s
SPEED={settings.speed:g}: {pace.get(settings.speed, "every delay times that")}; state in {settings.home}

  place an order   curl {url}/api/orders/execute -H 'Content-Type: application/json' \\
                     -d '{{"token_in":"SOL","token_out":"USDC","amount":12.5,"order_type":"market"}}'
  watch it         npx wscat -c {url.replace("http", "ws", 1)}/api/orders/status   (then send the order id)
  both at once     {_python()} -m local watch{"" if settings.port == 3000 else f" --base-url {url}"}
  all endpoints    {url}/docs

Ctrl-C stops it.
"""


def _python() -> str:
    with suppress(ValueError):
        return str(Path(sys.executable).relative_to(ROOT))
    return sys.executable
