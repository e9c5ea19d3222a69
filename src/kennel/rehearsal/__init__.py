"""The rehearsal: the whole way from photos to a prediction, on a cloud created for it."""

from kennel.rehearsal.result import RehearsalError, RehearsalResult, as_dict
from kennel.rehearsal.run import PAGE, rehearse

__all__ = ["PAGE", "RehearsalError", "RehearsalResult", "as_dict", "rehearse"]
