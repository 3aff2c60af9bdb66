"""A shop with django-allauth: its HTML pages and its headless API, as its quickstart shows."""
