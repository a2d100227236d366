"""Lint the Lua scripts: every name that one uses is its own, of a script that it requires, or Redis'.

    python -m tests.lint.lua

Redis refuses a global only when the line runs; here it is found before. A script names the scripts that are put before
it in a line of its own, `-- requires: deliver, trim`; they in turn may name others.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import tree_sitter_lua
from tree_sitter import Language, Node, Parser

from tests.lint.tracked import tracked_files

# https://redis.io/docs/latest/develop/programmability/lua-api/
GLOBALS = frozenset(
    (
        *("KEYS", "ARGV", "redis", "server", "cjson", "cmsgpack", "bit", "struct", "math", "string", "table", "os"),
        *("coroutine", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget"),
        *("select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall"),
    )
)
_PARSER = Parser(Language(tree_sitter_lua.language()))
_REQUIRES = re.compile(r"^-- requires: (.+)$", re.MULTILINE)


class Script:
    """A script as read from its file: what it requires, and the functions that it has for those that require it."""

    def __init__(self, path: Path) -> None:
        source = path.read_bytes()
        self.path = path
        self.root = _PARSER.parse(source).root_node
        self.requires = [name.strip() for names in _REQUIRES.findall(source.decode()) for name in names.split(",")]
        self.functions = {
            text_of(name): name
            for node in self.root.named_children
            if _is_local_function(node) and (name := node.child_by_field_name("name"))
        }


class Names:
    """Follows the scopes of a script: what it uses of others, which names are nobody's, which locals nothing uses."""

    def __init__(self, script: Script, others: frozenset[str]) -> None:
        self.undefined: list[Node] = []
        self.assigned_globals: list[Node] = []
        self.unused: list[Node] = []
        self.used_of_others: set[str] = set()
        self._others = others
        self._scopes: list[dict[str, tuple[Node, list[Node]]]] = []
        self._in_scope([script.root])

    def _in_scope(self, nodes: Sequence[Node], declared: Sequence[Node] = ()) -> None:
        """Visit nodes in a scope of their own, in which some names are declared before."""
        self._scopes.append({})
        for name in declared:
            self._declare(name)
        for node in nodes:
            for child in node.named_children if node.type in ("block", "chunk") else [node]:
                self._visit(child)
        self.unused += [name for name, uses in self._scopes.pop().values() if not uses]

    def _declare(self, name: Node) -> None:
        if (known := self._scopes[-1].get(text_of(name))) and not known[1]:
            self.unused.append(known[0])
        self._scopes[-1][text_of(name)] = name, [name] if text_of(name).startswith("_") else []

    def _use(self, name: Node) -> None:
        text = text_of(name)
        if scope := next((scope for scope in reversed(self._scopes) if text in scope), None):
            scope[text][1].append(name)
        elif text in self._others:
            self.used_of_others.add(text)
        elif text not in GLOBALS:
            self.undefined.append(name)

    def _assign(self, target: Node) -> None:
        if target.type != "identifier":
            self._visit(target)
        elif not any(text_of(target) in scope for scope in self._scopes):
            self.assigned_globals.append(target)

    def _visit(self, node: Node) -> None:
        match node.type:
            case "identifier":
                self._use(node)
            case "variable_declaration":
                self._visit_local(node)
            case "assignment_statement":
                targets, values = node.named_children
                self._visit(values)
                for target in targets.named_children:
                    self._assign(target)
            case "function_declaration" | "function_definition":
                self._visit_function(node)
            case "for_statement":
                self._visit_for(node)
            case "repeat_statement":  # its condition sees what its body declares
                self._in_scope(node.named_children)
            case "block":
                self._in_scope([node])
            case "dot_index_expression" | "method_index_expression":  # what follows the dot is a key
                self._visit(node.named_children[0])
            case "field" if node.child_by_field_name("name") and node.children[0].type != "[":  # {key = value}
                self._visit(node.named_children[-1])
            case "goto_statement" | "label_statement" | "comment":
                pass
            case _:
                for child in node.named_children:
                    self._visit(child)

    def _visit_local(self, node: Node) -> None:
        (declared,) = node.named_children
        names, *values = declared.named_children if declared.type == "assignment_statement" else [declared]
        for value in values:  # they don't see the names yet
            self._visit(value)
        for name in names.named_children:
            self._declare(name)

    def _visit_function(self, node: Node) -> None:
        name, parameters, body = (node.child_by_field_name(field) for field in ("name", "parameters", "body"))
        if name and _is_local_function(node):
            self._declare(name)
        elif name:
            self._assign(name)
        assert parameters
        self._in_scope([body] if body else [], parameters.children_by_field_name("name"))

    def _visit_for(self, node: Node) -> None:
        clause, body = node.child_by_field_name("clause"), node.child_by_field_name("body")
        assert clause
        names, *expressions = clause.named_children
        for expression in expressions:
            self._visit(expression)
        declared = names.named_children if names.type == "variable_list" else [names]
        self._in_scope([body] if body else [], declared)


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def _is_local_function(node: Node) -> bool:
    return node.type == "function_declaration" and node.children[0].type == "local"


def required_by(script: Script, scripts: dict[str, Script]) -> dict[str, Script]:
    """Return the scripts that stand before one, by name: those that it names, and those that they name."""
    found: dict[str, Script] = {}
    missing = list(script.requires)
    while missing:
        name = missing.pop()
        if name not in found and name in scripts:
            found[name] = scripts[name]
            missing += scripts[name].requires
    return found


def findings(paths: Iterable[Path]) -> Iterator[str]:
    """Yield what is wrong with scripts that may require each other, as FILE:LINE: what."""
    scripts = {path.stem: Script(path) for path in paths}
    used_of_others: set[str] = set()
    unused_functions: list[tuple[Script, Node]] = []
    for script in scripts.values():
        if script.root.has_error:
            yield _at(script, _first_error(script.root), "is not Lua")
            continue
        for name in sorted(set(script.requires) - scripts.keys()):
            yield _at(script, script.root, f"requires {name}, which is no script")
        required = required_by(script, scripts)
        names = Names(script, frozenset(name for other in required.values() for name in other.functions))
        used_of_others |= names.used_of_others
        for name in script.requires:
            if name in scripts and not names.used_of_others & scripts[name].functions.keys():
                yield _at(script, script.root, f"requires {name} and uses none of its functions")
        for found, what in ((names.undefined, "is not defined"), (names.assigned_globals, "is assigned and not local")):
            for node in found:
                yield _at(script, node, f"{text_of(node)} {what}")
        for node in names.unused:
            if script.functions.get(text_of(node)) == node:
                unused_functions.append((script, node))
            else:
                yield _at(script, node, f"{text_of(node)} is not used")
    for script, node in unused_functions:
        if text_of(node) not in used_of_others:
            yield _at(script, node, f"{text_of(node)} is not used")


def _at(script: Script, node: Node, text: str) -> str:
    return f"{script.path}:{node.start_point.row + 1}: {text}"


def _first_error(node: Node) -> Node:
    """Return the first place that is not Lua: a node that the parser made up or could not read."""
    while not (node.is_error or node.is_missing):
        node = next(child for child in node.children if child.has_error)
    return node


def main() -> int:
    found = sorted(findings([*tracked_files("*.lua")]))
    for finding in found:
        print(finding)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
