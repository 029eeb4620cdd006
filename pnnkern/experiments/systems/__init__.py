"""Kinds of systems that a recipe can name; one file each, holding the model of its `[system]` table."""
