"""The lines at the terminal once everything runs: settings in, what to try out."""

import socket
from shlex import quote
from urllib.parse import urlsplit

from local.run.scraping import secret_file
from local.settings import LocalSettings, auth_of, interpreter, is_loopback

_KEY = ' -H "Authorization: Bearer $ORDERFLOW_KEY"'


def what_to_try(settings: LocalSettings, seconds: float, management_url: str) -> str:
    """Return the lines for the person who started the system; `seconds` is how long that took.

    The gateway's management API, where the metrics are, is at `management_url`.
    """
    url = settings.url
    key, how_to_get_it = (_KEY, _how_to_get_a_key(settings)) if auth_of(settings) == "keys" else ("", "")
    orders, sockets = quote(f"{url}/api/orders/execute"), quote(f"{url.replace('http', 'ws', 1)}/api/orders/status")
    usual = url == "http://127.0.0.1:3000" and not settings.orderflow_home  # where watch looks without --base-url
    secret = quote(str(secret_file(settings.home)))
    pace: dict[float, str] = {0: "no simulated waiting", 1: "an order takes 2 to 3 s"}
    return f"""
Orderflow is ready at {url} after {seconds:.1f} s
{_who_may_trade(settings)}
SPEED={settings.speed:g}: {pace.get(settings.speed, "every delay times that")}; state in {settings.home}
{_functions_elsewhere(settings)}
{how_to_get_it}\
  place an order   curl {orders} -H 'Content-Type: application/json'{key} \\
                     -d '{{"token_in":"SOL","token_out":"USDC","amount":12.5,"order_type":"market"}}'
  watch it         npx --yes wscat -c {sockets}{key}   (then send the order id)
  both at once     {interpreter()} -m local watch{"" if usual else f" --base-url {quote(url)}"}
  the desk         {url}/
  all endpoints    {url}/docs
  metrics          curl {management_url}/metrics -H "Authorization: Bearer $(cat {secret})"

Ctrl-C stops it.
"""


def _who_may_trade(settings: LocalSettings) -> str:
    if auth_of(settings) == "keys":
        return "AUTH=keys: all but the desk's page, /health and /docs needs an API key"
    if is_loopback(settings.host):
        return "AUTH=open: every program of this machine may trade"
    return (
        f"WARNING: with AUTH=open and HOST={settings.host} everyone who reaches this machine may trade, without a key"
    )


def _how_to_get_a_key(settings: LocalSettings) -> str:
    home = f"ORDERFLOW_HOME={quote(str(settings.home))} " if settings.orderflow_home else ""
    command = f"{home}{interpreter()} -m local keys add"
    return f"  make a key       export ORDERFLOW_KEY=$({command})\n"


def _functions_elsewhere(settings: LocalSettings) -> str:
    """Return where the functions run when it is not here, and whether anything answers there; else nothing."""
    if settings.invoke == "here":
        return ""
    address = urlsplit(settings.lambda_endpoint)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=1).close()
    except OSError:
        answer = "nothing answers there yet: orders wait for it (make sam-lambda)"
    else:
        answer = "where something answers"
    return f"The functions are invoked at {settings.lambda_endpoint}, {answer}\n"
