import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_project.payments.money import formatted
from kafka_bridge.contracts import currencies


class TestFormatted:
    @pytest.mark.parametrize(
        ("amount", "currency", "english", "french"),
        [
            (1999, "eur", "€19.99", "19,99\xa0€"),
            (1950, "eur", "€19.50", "19,50\xa0€"),
            (5, "eur", "€0.05", "0,05\xa0€"),
            (0, "eur", "€0.00", "0,00\xa0€"),
            (123450, "usd", "$1,234.50", "1\u202f234,50\xa0$US"),
            (500, "jpy", "¥500", "500\xa0JPY"),
            (1230, "kwd", "KWD\xa01.230", "1,230\xa0KWD"),
            (105000, "ugx", "UGX\xa01,050.00", "1\u202f050,00\xa0UGX"),
            (
                999_999_999_999,
                "idr",
                "IDR\xa09,999,999,999.99",
                "9\u202f999\u202f999\u202f999,99\xa0IDR",
            ),
        ],
    )
    def test_as_the_language_writes_it(self, amount, currency, english, french):
        assert formatted(amount, currency).replace("\xa0", "") == english.replace("\xa0", "")
        assert formatted(amount, currency, locale="fr") == french

    @given(st.integers(0, 999_999_999_999), st.sampled_from(sorted(currencies.SUPPORTED)))
    def test_loses_nothing(self, amount, currency):
        text = formatted(amount, currency)

        digits = "".join(one for one in text if one.isdigit())
        assert int(digits) == amount
        assert len(text.partition(".")[2]) == currencies.decimals(currency)
