"""Who calls, which permissions a call requires, and whether the policies grant them."""
