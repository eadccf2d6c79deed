"""What can go wrong with a cluster as a whole."""

from __future__ import annotations

from coroscope.errors import CoroscopeError


class ClusterLostError(CoroscopeError, ConnectionError):
    """The cluster's scheduler, or its last worker, was gone before all items had come back."""
