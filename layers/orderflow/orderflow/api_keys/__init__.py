"""The commands for API keys: add, list, revoke, rotate."""
