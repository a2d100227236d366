"""Lambda's entry to serve_desk: API Gateway events in, the page's files out."""

from functions.serve_desk.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
