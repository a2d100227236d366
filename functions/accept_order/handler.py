"""Lambda's entry to the HTTP API: API Gateway events (payload 2.0) in, the app's responses out."""

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from functions.accept_order.app import app
from functions.accept_order.problems import MEDIA_TYPE as PROBLEM_MEDIA_TYPE
from orderflow.runtime.observability import traced

# Without a lifespan: Mangum would run start-up and shutdown at every invocation.
lambda_handler = traced(Mangum(app, lifespan="off", text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM_MEDIA_TYPE]))
