"""The tasks: arguments and printing only. One file per group; ``tasks.py`` has their names."""
