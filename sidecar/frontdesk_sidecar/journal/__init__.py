"""The journal's reading end: from segments that the web processes write, into the store."""
