"""The audit of an account: who may do what, who does it, and what is open to others. It changes nothing."""
