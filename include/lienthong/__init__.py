"""Liên Thông keeps a province's databases in step with the national systems."""

__version__ = "0.1.0"
