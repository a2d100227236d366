"""Checkers: the history of a run in, the invariants out, each with its violations."""
