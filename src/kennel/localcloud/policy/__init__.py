"""IAM policies: principals, statements, patterns, conditions, and the decision. Standard library only."""
