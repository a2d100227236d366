"""Encodes what goes through Redis and Postgres as JSON, amounts exactly."""

import msgspec

from orderflow.domain.order import Order, StatusEvent

# Decimals are written as JSON numbers with every digit; msgspec reads them back exactly.
encoder = msgspec.json.Encoder(decimal_format="number")
order_decoder = msgspec.json.Decoder(Order)
event_decoder = msgspec.json.Decoder(StatusEvent)
