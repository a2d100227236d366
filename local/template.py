"""Reads template.yaml: its functions come out, each with its handler, routes and stream binding."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import yaml

from orderflow.errors import ConfigurationError
from orderflow.event_source.mapping import EventSourceMapping


class RouteAuth(msgspec.Struct, frozen=True, rename="pascal"):
    """Which authorizer a route has, if not the API's."""

    authorizer: str = ""


class HttpRoute(msgspec.Struct, frozen=True, rename="pascal"):
    """A method and a path in API Gateway's notation, such as GET /api/orders/{order_id}."""

    method: str
    path: str
    auth: RouteAuth = RouteAuth()

    @property
    def is_public(self) -> bool:
        """Whether a request for it needs no key."""
        return self.auth.authorizer == "NONE"


class FunctionTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What the template says of one function; `name` is its folder, `handler` its dotted path."""

    logical_id: str
    name: str
    handler: str
    timeout_s: int
    memory_mb: int
    http_routes: tuple[HttpRoute, ...]
    websocket_routes: tuple[str, ...]
    event_source: EventSourceMapping | None
    produces: tuple[str, ...]
    environment: frozenset[str]


class Template(msgspec.Struct, frozen=True):
    """The functions of a template, in its order, which is the order of the flow."""

    functions: tuple[FunctionTemplate, ...]

    @property
    def event_sources(self) -> tuple[EventSourceMapping, ...]:
        """Return the stream bindings, in flow order."""
        return tuple(function.event_source for function in self.functions if function.event_source)

    def function(self, name: str) -> FunctionTemplate:
        """Return the function in the folder `name`; raises ConfigurationError when there is none."""
        for function in self.functions:
            if function.name == name:
                return function
        raise ConfigurationError(f"the template has no function {name!r}")


def read_template(path: Path) -> Template:
    """Read the SAM template at `path`.

    Raises ConfigurationError, naming the place, when it is not there, is not YAML, or says of a function or a
    WebSocket route less than is needed to run it, or something that can't be.
    """
    try:
        return _template(msgspec.convert(read_document(path), _Document))
    except OSError as e:
        raise ConfigurationError(f"can't read the template {path}: {e.strerror}") from e
    except (yaml.YAMLError, msgspec.ValidationError, ConfigurationError) as e:
        raise ConfigurationError(f"{path}: {e}") from e


def read_document(path: Path) -> Any:
    """Return what stands in the template at `path`, intrinsic functions as mappings: `!Sub x` as {"Fn::Sub": x}."""
    return _Loader(path.read_text(encoding="utf-8")).get_single_data()


class _Document(msgspec.Struct, frozen=True, rename="pascal"):
    resources: dict[str, "_Resource"]
    globals: dict[str, dict[str, Any]] = {}


class _Resource(msgspec.Struct, frozen=True, rename="pascal"):
    type: str
    properties: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


class _Properties(msgspec.Struct, frozen=True, rename="pascal"):
    code_uri: str
    handler: str
    timeout: int = 3  # Lambda's own defaults
    memory_size: int = 128
    environment: dict[str, dict[str, Any]] = {}
    events: dict[str, dict[str, Any]] = {}


# What a function declares of its EventSourceMapping: all but the function, in the template's way of writing names.
_EventSource = msgspec.defstruct(
    "_EventSource",
    [
        (field.name, field.type, msgspec.field(default=field.default))
        for field in msgspec.structs.fields(EventSourceMapping)
        if field.name != "function"
    ],
    frozen=True,
    kw_only=True,
    rename="pascal",
    forbid_unknown_fields=True,
)
_Metadata = msgspec.defstruct(
    "_Metadata",
    [("event_source", _EventSource | None, None), ("produces", tuple[str, ...], ())],
    frozen=True,
    rename="pascal",
)


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags: `!Ref x` as {"Ref": x}, any other, such as `!Sub x`, as {"Fn::Sub": x}."""

    def intrinsic(self, tag: str, node: yaml.ScalarNode | yaml.SequenceNode) -> dict[str, Any]:
        name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
        if isinstance(node, yaml.SequenceNode):
            return {name: self.construct_sequence(node, deep=True)}
        return {name: self.construct_scalar(node)}  # none that functions use takes a mapping


_Loader.add_multi_constructor("!", _Loader.intrinsic)


def _template(document: _Document) -> Template:
    shared = document.globals.get("Function", {})
    sockets = _websocket_routes(document.resources)
    functions = [
        _function(logical_id, resource, shared, tuple(sockets.pop(logical_id, ())))
        for logical_id, resource in document.resources.items()
        if resource.type == "AWS::Serverless::Function"
    ]
    for logical_id, keys in sockets.items():
        raise ConfigurationError(f"WebSocket route {', '.join(keys)} leads to no function {logical_id!r}")
    return Template(tuple(functions))


def _function(
    logical_id: str, resource: _Resource, shared: dict[str, Any], websocket_routes: tuple[str, ...]
) -> FunctionTemplate:
    try:
        properties = msgspec.convert(shared | resource.properties, _Properties)
        declared: Any = msgspec.convert(resource.metadata, _Metadata)
        name = PurePosixPath(properties.code_uri).name
        own, everyones = properties.environment, shared.get("Environment", {})
        routes = [event for event in properties.events.values() if event.get("Type") == "HttpApi"]
        return FunctionTemplate(
            logical_id=logical_id,
            name=name,
            handler=properties.handler,
            timeout_s=properties.timeout,
            memory_mb=properties.memory_size,
            http_routes=tuple(msgspec.convert(route.get("Properties", {}), HttpRoute) for route in routes),
            websocket_routes=websocket_routes,
            event_source=declared.event_source
            and EventSourceMapping(function=name, **msgspec.structs.asdict(declared.event_source)),
            produces=declared.produces,
            environment=frozenset(everyones.get("Variables", {}) | own.get("Variables", {})),
        )
    except msgspec.ValidationError as e:
        raise ConfigurationError(f"function {logical_id}: {e}") from e


def _websocket_routes(resources: dict[str, _Resource]) -> dict[str, list[str]]:
    """Return the WebSocket route keys by the logical id of the function that they lead to."""
    keys: dict[str, list[str]] = {}
    for logical_id, route in resources.items():
        if route.type == "AWS::ApiGatewayV2::Route":
            integration = resources.get(_named_in(route, "Target", r"integrations/\$\{(\w+)\}"))
            if integration is None or "RouteKey" not in route.properties:
                raise ConfigurationError(f"route {logical_id} needs a RouteKey and an integration to target")
            function = _named_in(integration, "IntegrationUri", r"/functions/\$\{(\w+)\.Arn\}/")
            keys.setdefault(function, []).append(str(route.properties["RouteKey"]))
    return keys


def _named_in(resource: _Resource, key: str, pattern: str) -> str:
    found = re.search(pattern, str(resource.properties.get(key)))
    return found[1] if found else ""
