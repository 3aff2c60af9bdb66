"""Measurements of frontdesk, beside its peers, on one machine and in one run."""
