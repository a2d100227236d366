"""The mutants of a module: those of Cosmic Ray, and statements left out."""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import cosmic_ray.plugins
import parso.python.tree
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

# Unions in annotations, where nothing would notice; identity, which turns equality of small values into the same again.
WITHOUT = ("BitOr", "_Eq_Is", "_NotEq_IsNot", "RemoveDecorator")

Place = tuple[tuple[int, int], tuple[int, int]]


class DropCall(Operator):  # type: ignore[misc]
    """Leaves out a call whose value nobody takes."""

    def mutation_positions(self, node: Any) -> Iterator[Place]:
        """Yield where such a call stands."""
        called = node.type in {"atom_expr", "power"} and node.children[-1].type == "trailer"
        if called and node.parent.type == "simple_stmt":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return a `None` in the place of the call."""
        return parso.python.tree.Name("None", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none: Cosmic Ray's own tests ask for them."""
        return ()


class Mutant(NamedTuple):
    """A change of a module: which operator makes it, and at the how-manieth place where it fits."""

    name: str
    operator: Operator
    occurrence: int


def _operators() -> Iterator[tuple[str, Operator]]:
    yield "DropCall", DropCall()
    for name in cosmic_ray.plugins.operator_names():
        operator = cosmic_ray.plugins.get_operator(name)
        if not operator.arguments() and not any(part in name for part in WITHOUT):
            yield name.removeprefix("core/"), operator()


def sample(code: str, most: int, chance: random.Random) -> list[Mutant]:
    """Return one mutant for each of at most `most` places of a module, chosen at random."""
    by_place: dict[Place, list[Mutant]] = defaultdict(list)
    nodes = list(ast_nodes(get_ast(code)))
    for name, operator in _operators():
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            by_place[place].append(Mutant(name, operator, occurrence))
    chosen = chance.sample(sorted(by_place), min(most, len(by_place)))
    return [chance.choice(by_place[place]) for place in chosen]


def mutated(code: str, mutant: Mutant) -> str:
    """Return the code with the change in it."""
    return str(mutate_code(code, mutant.operator, mutant.occurrence))
