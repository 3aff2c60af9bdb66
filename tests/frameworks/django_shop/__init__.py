"""A storefront of Django's own parts: `django.contrib.auth`, as its documentation shows it."""
