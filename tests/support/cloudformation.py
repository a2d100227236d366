"""CloudFormation's evaluation, as far as the contract tests need it: a template and parameters in, what remains out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Node = Any
_NOTHING = object()


class Stack:
    """A template's resources and outputs as they would be made with `parameters`, the others by their defaults.

    What only AWS knows, such as a reference to a resource, stays as it is.
    """

    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        declared = document["Parameters"]
        if unknown := parameters.keys() - declared.keys():
            raise KeyError(f"the template has no parameters {sorted(unknown)}")
        self._conditions = document["Conditions"]
        self._held: dict[str, bool] = {}
        self._lists = {name for name, said in declared.items() if said["Type"] == "CommaDelimitedList"}
        self.parameters = {name: str(said.get("Default", "")) for name, said in declared.items()} | dict(parameters)
        self.resources = self._remaining(document["Resources"])
        self.outputs = self._remaining(document["Outputs"])
        self.shared = self.value(document["Globals"]["Function"])

    def of_type(self, *types: str) -> dict[str, dict[str, Any]]:
        """Return the properties of the resources of some types, by their logical ids."""
        found = {name: said for name, said in self.resources.items() if said["Type"].startswith(types)}
        return {name: said.get("Properties", {}) for name, said in found.items()}

    def holds(self, condition: str) -> bool:
        """Return whether a condition of the template holds."""
        if condition not in self._held:
            self._held[condition] = self._decide(self._conditions[condition])
        return self._held[condition]

    def value(self, node: Node) -> Node:
        """Return a part of the template with parameters and conditions put in."""
        match node:
            case {"Ref": "AWS::NoValue"}:
                return _NOTHING
            case {"Ref": str(name)} if name in self.parameters:
                text = self.parameters[name]
                return text.split(",") if name in self._lists else text
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(condition) else otherwise)
            case dict():
                values = {key: self.value(child) for key, child in node.items()}
                return {key: value for key, value in values.items() if value is not _NOTHING}
            case list():
                return [value for value in map(self.value, node) if value is not _NOTHING]
            case _:
                return node

    def _remaining(self, declared: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self.value(said)
            for name, said in declared.items()
            if "Condition" not in said or self.holds(said["Condition"])
        }

    def _decide(self, node: Node) -> bool:
        match node:
            case {"Condition": str(name)}:
                return self.holds(name)
            case {"Fn::Not": [one]}:
                return not self._decide(one)
            case {"Fn::And": [*several]}:
                return all(map(self._decide, several))
            case {"Fn::Or": [*several]}:
                return any(map(self._decide, several))
            case {"Fn::Equals": [one, other]}:
                return self._text(one) == self._text(other)
        raise ValueError(f"no condition: {node}")

    def _text(self, node: Node) -> str:
        match self.value(node):
            case {"Fn::Join": [separator, [*parts]]}:
                return str(separator).join(map(str, parts))
            case value:
                return str(value)


def references(node: Node) -> Iterator[str]:
    """Yield the logical ids that a part of a template refers to."""
    match node:
        case {"Ref": str(name)}:
            yield name.partition(".")[0]  # SAM's names for what it makes, such as HttpApi.Stage
        case {"Fn::GetAtt": str(attribute)}:
            yield attribute.partition(".")[0]
        case {"Fn::Sub": [str(text), {**variables}]}:
            yield from (name for name in _substituted(text) if name not in variables)
            yield from references(variables)
        case {"Fn::Sub": str(text)}:
            yield from _substituted(text)
        case dict():
            depends_on = node.get("DependsOn", ())
            yield from (depends_on,) if isinstance(depends_on, str) else depends_on
            for child in node.values():
                yield from references(child)
        case list():
            for child in node:
                yield from references(child)


def _substituted(text: str) -> Iterator[str]:
    yield from (name.partition(".")[0] for name in re.findall(r"\$\{([^!}][^}]*)\}", text))
