"""Learning rules that a recipe can name; one file each, holding the model of its `[rule]` table."""
