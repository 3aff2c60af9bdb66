"""The Segment door: `/v1/*` takes what Segment's SDKs send and keeps who identified themselves.

Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/.

`times`, `traits`, `message`, `document`, `cors`, `proof` and `inflate` decide, without I/O; `body`,
`budget`, `committer`, `keys` and `door` are around them.
"""
