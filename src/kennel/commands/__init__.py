"""The tasks: arguments and printing only. One file a group; ``tasks.py`` names them."""
