"""Quillamoor, a small storefront: a catalogue, customer accounts and a JSON API."""
