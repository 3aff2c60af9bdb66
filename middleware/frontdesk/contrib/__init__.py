"""What knows a framework from the inside, and so needs no rule to see who it was."""
