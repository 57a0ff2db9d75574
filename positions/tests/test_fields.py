"""Money is stored to the last digit, or refused."""

from decimal import Decimal, localcontext

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from positions.fields import fixed_form
from positions.models import Dust

LONGEST = "12345678901234567890.123456789012345678"


@pytest.mark.parametrize(
    "text",
    [
        LONGEST,
        f"-{LONGEST}",
        "99999999999999999999.999999999999999999",
        "0.000000000000000001",
        "1234567.123456789012",
        "1000000",
        "0",
        "-0",
    ],
)
@pytest.mark.parametrize("precision", [6, 28, 50])
def test_every_digit_comes_back(desk, text, precision):
    with localcontext() as context:
        context.prec = precision
        Dust.objects.create(account=desk.account, currency="X", qty=Decimal(text))
        stored = Dust.objects.get(currency="X").qty

    assert stored == Decimal(text)


def test_what_comes_back_has_no_padding_and_no_exponent(desk):
    Dust.objects.create(account=desk.account, currency="X", qty=Decimal("1.50"))
    Dust.objects.create(account=desk.account, currency="Y", qty=Decimal("1E+6"))

    Dust.objects.create(account=desk.account, currency="Z", qty=Decimal("-0"))

    texts = [str(row.qty) for row in Dust.objects.order_by("currency")]

    assert texts == ["1.5", "1000000", "0"]


@pytest.mark.parametrize(
    "value",
    [
        Decimal("0.0000000000000000001"),
        Decimal("1E+20"),
        Decimal("-1E+20"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E-400"),
        1.5,
    ],
)
def test_what_does_not_fit_is_refused(desk, value):
    with pytest.raises(ValidationError), transaction.atomic():
        Dust.objects.create(account=desk.account, currency="X", qty=value)

    assert not Dust.objects.exists()


def test_the_fixed_form_has_eighteen_places():
    assert fixed_form(Decimal("1E+2")) == "100.000000000000000000"
    assert fixed_form(Decimal("0.10000000000000000000")) == "0.100000000000000000"


def test_a_stored_value_can_be_looked_for(desk):
    Dust.objects.create(account=desk.account, currency="X", qty=Decimal(LONGEST))

    assert Dust.objects.filter(qty=Decimal(LONGEST)).exists()
