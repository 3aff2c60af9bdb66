"""`frontdesk backfill`: customers that come from no login, at a pace that keeps nobody waiting."""
