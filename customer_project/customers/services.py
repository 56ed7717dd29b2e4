"""What changes a customer."""

from customer_project.customers.models import Customer


def remember_language(customer: Customer, language: str) -> None:
    """Have e-mails written in the language that the customer last read the shop in."""
    if customer.language != language:
        customer.language = language
        customer.save(update_fields=["language"])
