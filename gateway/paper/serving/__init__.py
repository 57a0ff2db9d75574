"""The venue on a socket: REST, streams, signatures, the control plane for tests, the mirror."""
