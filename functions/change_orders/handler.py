"""Lambda's entry to change_orders: API Gateway events in, the app's responses out."""

from functions.change_orders.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
