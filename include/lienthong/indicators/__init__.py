"""Indicators that can be trusted: declared once, made from ``core`` by differences, kept as they were said."""
