"""The venues that orders can be executed at, by family."""
