"""What happens to a sidecar while it runs and at its end: new settings, draining, stopping."""
