"""The log: every event in one table, one way to say it, and its two forms."""
