"""Which rows make up orders, deals and positions?

Executions, deals and events are append-only. Everything that moves is moved under the account's
lane (``AccountLane``), or by a conditional update; the constraints here are the last guard.
"""

from positions.cases import Case
from positions.journal import (
    Funding,
    JournalEntry,
    JournalKind,
    MarketTerms,
    OpeningBalance,
    Transfer,
)
from positions.models.deals import Deal, Dust, Execution
from positions.models.lanes import AccountLane, Event
from positions.models.orders import (
    Command,
    ExchangeOrder,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
)
from positions.models.positions import Position
from positions.triggers import Trigger

__all__ = [
    "AccountLane",
    "Case",
    "Command",
    "Deal",
    "Dust",
    "Event",
    "ExchangeOrder",
    "Execution",
    "Funding",
    "Instruction",
    "InstructionKind",
    "InstructionState",
    "JournalEntry",
    "JournalKind",
    "MarketTerms",
    "OpeningBalance",
    "Order",
    "Position",
    "Transfer",
    "Trigger",
]
