"""Chaos: a system of its own under a steady load while processes, servers and functions fail; an audit comes out."""
