"""Lambda's entry to issue_ticket: API Gateway events in, the app's responses out."""

from functions.issue_ticket.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
