"""What can the engine refuse, and how does it say so?

Each class is one kind of refusal with the API's ``code`` for it (contract section 4); the facts are
keywords, so that the caller can show field, limit and value without parsing a sentence.
"""

from typing import Any, ClassVar


class EngineError(Exception):
    """A refusal of the engine: a code, a sentence and the facts behind it."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class ValidationError(EngineError):
    """The request contradicts the market, the position or the money; facts name the limit."""

    code = "validation_error"


class NotEnoughHeld(ValidationError):
    """A sell asks for more of the base currency than is held; facts name what is."""


class InvalidPositionId(EngineError):
    """The named position is not the one this account nets into."""

    code = "invalid_position_id"


class CloseInProgress(EngineError):
    """The volume asked for is already promised to a close that is not final yet."""

    code = "position_close_in_progress"


class InvalidOrderState(EngineError):
    """The order is too far, or not far enough, in its life for this."""

    code = "invalid_order_state"


class BrokenLedger(EngineError):
    """What is stored breaks a rule that always holds; nothing may be booked on top of it."""
