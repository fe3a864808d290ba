"""Measurements of the product, each printed with the target that it is held against."""
