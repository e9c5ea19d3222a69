"""IAM as AWS evaluates it: who signed, what they ask for, and whether the policies allow it."""

from __future__ import annotations
