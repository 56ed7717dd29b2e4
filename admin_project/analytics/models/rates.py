"""What one currency is worth in another, as an operator says."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models


class ExchangeRate(models.Model):
    """From a day on, one unit of `currency` is worth `rate` units of `into`."""

    currency = models.CharField(max_length=3, validators=[RegexValidator(r"^[a-z]{3}$")])
    into = models.CharField(max_length=3, validators=[RegexValidator(r"^[a-z]{3}$")])
    rate = models.DecimalField(max_digits=20, decimal_places=10, validators=[MinValueValidator(0)])
    valid_from = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["currency", "into", "valid_from"], name="one_rate_a_day"
            ),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="rate_is_positive"),
        )

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate:f} {self.into} from {self.valid_from}"
