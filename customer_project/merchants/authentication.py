"""`Authorization: Bearer …` of a merchant's system."""

from customer_project.merchants.models import MerchantToken
from kafka_bridge.tokens.authentication import ScopedTokenAuthentication


class MerchantTokenAuthentication(ScopedTokenAuthentication):
    """Takes a merchant's token."""

    kind = MerchantToken
