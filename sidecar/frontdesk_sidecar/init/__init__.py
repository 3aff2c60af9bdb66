"""`frontdesk init`: look at an SAP system, write a `frontdesk.toml` that fits it, or the ImpEx."""
