"""Lambda's entry to tend_dead_letters: API Gateway events in, the app's responses out."""

from functions.tend_dead_letters.app import app
from orderflow.runtime.http.app import on_lambda

lambda_handler = on_lambda(app)
