"""Experiments: recipe -> data -> system x rule -> loop -> checkpoint -> report. Everything behind the command line."""
