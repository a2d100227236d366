"""The Lua of the mock chain; what it requires beyond itself lies in orderflow.adapters.scripts."""
