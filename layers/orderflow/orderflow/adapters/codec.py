"""Encodes what goes through Redis and Postgres as JSON, amounts exactly."""

import msgspec

from orderflow.domain.order import Order, StatusEvent, Step, event_of

# Decimals are written as JSON numbers with every digit; msgspec reads them back exactly.
encoder = msgspec.json.Encoder(decimal_format="number")
order_decoder = msgspec.json.Decoder(Order)
event_decoder = msgspec.json.Decoder(StatusEvent)
step_decoder = msgspec.json.Decoder(Step)


def decode_event(kept: str) -> StatusEvent:
    """Return the event of a step as it is kept, or an event that the release before kept as such."""
    if '"timestamp":' in kept:
        return event_decoder.decode(kept)
    return event_of(step_decoder.decode(kept))
