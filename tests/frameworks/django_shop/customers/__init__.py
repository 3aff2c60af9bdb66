"""The app with the shop's own user model."""
