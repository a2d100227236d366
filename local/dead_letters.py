"""`python -m local dead-letters`: the event source's command for dead letters, on the Redis of what runs here."""

import argparse

import msgspec
import redis

from local.run.running_system import find
from local.settings import ROOT, LocalSettings, read_local_settings
from local.template import read_template
from orderflow.errors import OrderflowError
from orderflow.event_source import dead_letters
from orderflow.event_source.settings import connect


class NoRedisError(OrderflowError):
    """There is no Redis to look into."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = "Without arguments: list the dead letters, of REDIS_URL or of the system that runs here."
    dead_letters.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say; return 0 when all of it could be done. Raises NoRedisError when nothing runs here."""
    settings = read_local_settings()
    mappings = read_template(ROOT / "template.yaml").event_sources
    return dead_letters.run(arguments, _client(settings), mappings, settings.partitions)


def _client(settings: LocalSettings) -> redis.Redis:
    if not settings.redis_url:
        system = find()
        if system is None or not system.redis_url:
            raise NoRedisError("nothing runs here; start it (make run), or set REDIS_URL")
        settings = msgspec.structs.replace(settings, redis_url=system.redis_url, redis_cluster=False)
    return connect(settings, connections=1)
