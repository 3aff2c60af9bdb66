"""The edge: a reverse proxy with the capture around it, for storefronts in any language."""
