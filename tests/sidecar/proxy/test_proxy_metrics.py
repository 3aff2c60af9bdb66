"""The proxy's metrics: the format, strictly, and a help for each."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from frontdesk_sidecar.proxy.tally import BUCKETS, Passage, Tally
from frontdesk_sidecar.proxy.trouble import Cause


def test_the_exposition_is_parsed_by_who_knows_the_format() -> None:
    """Names, types and helps; buckets that only grow; every counter a total."""
    now = [0.0]
    tally = Tally(clock=lambda: now[0])
    for took in (0.001, 0.2, 70.0):
        passage = Passage("GET", began=now[0])
        now[0] += took
        tally.head_came(passage)
        passage.status = 200
        tally.ended(passage)
    tally.failed(Cause.REFUSED)
    tally.client_left()
    shown = tally.exposition({"captured": 2}, {"connections": 1, "idle_connections": 3})
    families = {one.name: one for one in text_string_to_metric_families(shown)}
    assert len(families) == 9
    for name, family in families.items():
        assert name.startswith("frontdesk_proxy_")
        assert family.documentation.endswith("."), name
        assert family.type in ("counter", "gauge", "histogram")
        if family.type == "counter":
            assert {one.name for one in family.samples} == {f"{name}_total"}
    head = families["frontdesk_proxy_head_seconds"].samples
    counts = [one.value for one in head if one.name.endswith("_bucket")]
    assert counts == sorted(counts)
    assert (len(counts), counts[-1]) == (len(BUCKETS) + 1, 3)
