"""What can be asked of the OMS: one module per command, accepted in one place."""

from positions.services.accept import accept, check, replayed

__all__ = ["accept", "check", "replayed"]
