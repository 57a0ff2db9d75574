"""Wallet history that clients ask for and a paper venue never has: nothing is ever moved or lent."""

from gateway.paper.calls import Access, Route


def never_moved() -> list[Route]:
    """Deposits, withdrawals, transfers and loans: all lists are empty."""
    lists = ("/sapi/v1/capital/deposit/hisrec", "/sapi/v1/capital/withdraw/history")
    pages = ("/sapi/v1/asset/transfer", "/sapi/v1/margin/interestHistory")
    return [
        *(Route("GET", path, lambda call: [], Access.SIGNED) for path in lists),
        *(Route("GET", path, lambda call: {"total": 0, "rows": []}, Access.SIGNED) for path in pages),
    ]
