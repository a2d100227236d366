"""Lambda's entry to the HTTP API: API Gateway events (payload 2.0) in, the app's responses out."""

from mangum import Mangum

from functions.accept_order.app import app
from orderflow.runtime.observability import traced

# Without a lifespan: Mangum would run start-up and shutdown at every invocation.
lambda_handler = traced(Mangum(app, lifespan="off"))
