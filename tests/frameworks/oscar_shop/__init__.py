"""django-oscar, set up as its guide "Building your own shop" does."""
