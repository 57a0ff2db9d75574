"""What can be asked of the OMS: one module per command, accepted in one place."""

from positions.services.accept import accept, replayed

__all__ = ["accept", "replayed"]
