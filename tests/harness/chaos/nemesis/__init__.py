"""Nemesis: the faults, when each of them happens, and what it takes to inject and to heal it."""
