"""Orderflow: the shared code of the pipeline's functions, shipped as a Lambda layer."""

__version__ = "0.1.0"
