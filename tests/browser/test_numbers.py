"""Are decimals in the browser the strings that they came as? The scripts are asked themselves."""

import pytest

pytestmark = pytest.mark.browser
THIN = "\u202f"
CASES = [
    # Shown in full, padded to the tick, never with an exponent.
    ("shown('0.00000859', 8)", "0.00000859"),
    ("shown('0.0000085', 8)", "0.00000850"),
    ("shown('1000000000')", f"1{THIN}000{THIN}000{THIN}000"),
    ("shown('123456789012345.123456789012345678')",
     f"123{THIN}456{THIN}789{THIN}012{THIN}345.123456789012345678"),
    ("shown('-0.5', 2)", "−0.50"),
    ("shown('-0')", "0"),
    ("shown(null)", "—"),
    # Money: two digits from one on, else four that count.
    ("money('10812.3456')", f"10{THIN}812.35"),
    ("money('0.00000001')", "0.00000001"),
    ("money('-0.000012345')", "−0.00001235"),
    ("money('0.99999')", "1"),
    ("money('0')", "0"),
    # Ordered by their digits, null first.
    ("cmpDec('9.5', '123')", -1),
    ("cmpDec('12345678901234567.1', '12345678901234567.2')", -1),
    ("cmpDec('-2', '-10')", 1),
    ("cmpDec('0.00000859', '8.59')", -1),
    ("cmpDec(null, '-5')", -1),
    ("cmpDec('1.0', '1')", 0),
    # Added, multiplied and cut without floats.
    ("addDec('0.1', '0.2')", "0.3"),
    ("addDec('012.345', '-12.345')", "0"),
    ("addDec('1000000000', '0.000000000000000001')", "1000000000.000000000000000001"),
    ("subDec('1', '0.9')", "0.1"),
    ("mulDec('0.00000859', '1000000000')", "8590"),
    ("percentOf('0.001998', 50, '0.00001')", "0.00099"),
    ("percentOf('3', 33, '1')", "0"),
    ("snapped('59949.97', '0.05')", "59949.95"),
    ("snapped('0.0000000123', '0.00000001')", "0.00000001"),
    ("floored('59949.97', '0.5')", "59949.5"),
    ("ceiled('59949.97', '0.5')", "59950"),
    ("ceiled('0.00000859', '0.0000001')", "0.0000086"),
    # What somebody typed: one comma is a point, unless it may be grouping.
    ("typed('1,5').text", "1.5"),
    ("typed('1,234').why", "grouping"),
    ("typed('1 234.5').why", "grouping"),
    ("typed('1.234,5').why", "grouping"),
    ("typed('1e-8').why", "no_number"),
    ("typed('.5').text", "0.5"),
    ("typed('007.50').text", "7.5"),
    ("typed('  ').why", "empty"),
    ("typed('−3').text", "-3"),
    # The money of a market.
    ("moneyOf('BTC/USDT')", "USDT"),
    ("moneyOf('BTC/USD:BTC-251226')", "BTC"),
]  # fmt: skip


def test_decimals_stay_the_strings_that_they_came_as(page):
    page.goto("/")
    asked = [expression for expression, _ in CASES]

    told = page.evaluate(
        """async (asked) => {
          const numbers = await import("/static/desk/numbers.js");
          return asked.map((each) => {
            const [, name, rest] = /^(\\w+)\\((.*)\\)(?:\\.\\w+)?$/.exec(each);
            const given = JSON.parse(`[${rest.replaceAll("'", '"')}]`);
            const found = numbers[name](...given);
            const part = /\\)\\.(\\w+)$/.exec(each);
            return part ? found[part[1]] : found;
          });
        }""",
        asked,
    )

    wrong = {each: (found, wanted) for (each, wanted), found in zip(CASES, told, strict=True)
             if found != wanted}  # fmt: skip
    assert wrong == {}
