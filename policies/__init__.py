"""The project's own checkov checks: what checkov's built-in ones do not see (docs: README, "audit")."""
