"""Access proof: what roles called, what they were denied, and what they are granted without a use."""
