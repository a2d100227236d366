"""Lambda's entry to accept_order: API Gateway events in, the app's responses out."""

from functions.accept_order.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
