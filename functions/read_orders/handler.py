"""Lambda's entry to read_orders: API Gateway events in, the app's responses out."""

from functions.read_orders.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
