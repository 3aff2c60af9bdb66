"""`frontdesk top`: how things stand, live on a terminal, from the figures of the dashboard.

`scene` is what was heard and which page is looked at, `frame` makes rows of it, `paint` the bytes
that draw them: all pure. `console` is the terminal, `feed` what a running sidecar tells.
"""
