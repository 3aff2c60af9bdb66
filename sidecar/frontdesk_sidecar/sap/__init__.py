"""SAP Commerce Cloud's Integration API, as its client speaks it and understands its answers."""
