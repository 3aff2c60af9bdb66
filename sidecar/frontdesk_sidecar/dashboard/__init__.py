"""The dashboard: one page of the sidecar that shows how things stand, live, while somebody looks.

`history` and `watch` take note of what happens, `view` makes the documents of it, `hub` shares
them among all who look, `files` is the page itself. HTTP is that of `endpoints`.
"""
