"""Wallet history that clients ask for and a paper venue never has: nothing is moved or lent."""

from gateway.paper.calls import Access, Route


def never_moved() -> list[Route]:
    """Deposits, withdrawals, transfers and loans: all lists are empty."""
    signed = Access.SIGNED
    lists = ("/sapi/v1/capital/deposit/hisrec", "/sapi/v1/capital/withdraw/history")
    pages = ("/sapi/v1/asset/transfer", "/sapi/v1/margin/interestHistory")
    return [
        *(Route("GET", path, lambda call: [], signed) for path in lists),
        *(Route("GET", path, lambda call: {"total": 0, "rows": []}, signed) for path in pages),
    ]
