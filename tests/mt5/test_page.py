"""Does the page say the truth?"""

import re

import pytest

from ccxt_driver.mt5.trade import retcodes
from tests.e2e.product import ROOT

PAGE = (ROOT / "docs" / "howto" / "metatrader.md").read_text()


@pytest.mark.e2e
def test_the_pages_examples_do_what_it_says(desk, capsys):
    desk.price(60000)
    first, second = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    account = desk.accounts["spot"]
    for written, ours in (("login=1", f"login={account['id']}"), ("cxp_…", desk.key),
                          ("http://127.0.0.1:8000", desk.base)):  # fmt: skip
        assert written in first
        first = first.replace(written, ours)

    names = {}
    exec(first, names)
    exec(second, names)

    opened, closed = capsys.readouterr().out.splitlines()
    order = names["result"].order
    assert opened == f"10009 {order} 0.00999"
    assert "prints `10009`, the order's ticket and `0.00999`" in PAGE
    assert closed == "Request executed 2"
    assert desk.product.order(order)["comment"] == "first try"


def test_the_page_has_every_return_code():
    tables = (retcodes.CODES, retcodes.FIELDS, retcodes.RULES, retcodes.FILTERS,
              retcodes.REJECTIONS)  # fmt: skip
    numbers = {number for table in tables for number in table.values()}
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| 10"))

    assert sorted(number for number in numbers if str(number) not in rows) == []
