"""Runnable recipes: one classifier, data modules and flat YAML files, for ``python -m recipes`` in a clone."""
