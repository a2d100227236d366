"""What `make lint` checks and no package does: the Lua scripts' names, and that files are as .editorconfig says."""
