"""SSM's Parameter Store: a path in, the parameters below it out."""

from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from orderflow.errors import ConfigurationError, RetryableError


@cache
def parameters_below(path: str) -> Mapping[str, str]:
    """Return the values of the parameters directly below `path` by the last part of their names.

    They are asked for once in the life of a process, so that its settings do not change under way. Raises
    ConfigurationError when there are none, and RetryableError when the store can't be asked.
    """
    try:
        found = parameters.get_parameters(path, decrypt=True)
    except GetParameterError as error:
        raise RetryableError(f"the parameters below {path} can't be read: {error}") from error
    if not found:
        raise ConfigurationError(f"SETTINGS_PATH={path} can't be used: there are no parameters below it")
    return {name: str(value) for name, value in found.items()}
