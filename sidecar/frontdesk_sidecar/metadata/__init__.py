"""What an Integration Object looks like: its EDMX read, and values made to fit it.

Pure: nothing here fetches anything.
"""

from frontdesk_sidecar.metadata.edmx import MetadataError, read_edmx
from frontdesk_sidecar.metadata.model import Item, Metadata, Navigation, Property

__all__ = ["Item", "Metadata", "MetadataError", "Navigation", "Property", "read_edmx"]
