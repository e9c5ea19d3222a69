"""The project's own checkov checks, loaded by `.checkov.yaml`: what the built-in ones do not detect."""
