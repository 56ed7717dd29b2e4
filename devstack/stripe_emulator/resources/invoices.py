"""Invoices: their endpoints, and the invoice items that wait for one."""

from __future__ import annotations

from devstack.stripe_emulator import currencies
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects, matches
from devstack.stripe_emulator.objects import a_list, merged_metadata
from devstack.stripe_emulator.resources import (
    customer_lookup,
    invoice_drafts,
    invoice_lines,
    invoice_states,
    payment_methods,
    prices,
)
from devstack.stripe_emulator.routing import Request, Routes

routes = Routes()


@routes.add("POST", "/v1/invoices", "InvoiceCreateParams")
def create(request: Request) -> StripeObject:
    """Create a draft by hand, with the customer's waiting items if asked to."""
    session, params = request.session, request.params
    if "customer" not in params:
        raise StripeError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    customer = customer_lookup.existing(session, params["customer"], param="customer")
    invoice = invoice_drafts.make_draft(
        session,
        customer,
        currency=currencies.check_currency(params.get("currency", "usd")),
        reason="manual",
        auto_advance=params.get("auto_advance", False),
        collection_method=params.get("collection_method", "charge_automatically"),
        default_payment_method=params.get("default_payment_method"),
        description=params.get("description"),
        metadata=merged_metadata({}, params.get("metadata", {})),
    )
    days = params.get("days_until_due")
    if days is not None:
        invoice["due_date"] = invoice["created"] + days * 86400
    if params.get("pending_invoice_items_behavior", "exclude") == "include":
        invoice_drafts.collect_pending_items(session, invoice, None)
    session.emit("invoice.created", invoice)
    return invoice


@routes.add("GET", "/v1/invoices", "InvoiceListParams")
def index(request: Request) -> StripeObject:
    """List invoices."""
    params = request.params
    return list_objects(
        request,
        "invoice",
        where={
            "customer": params.get("customer"),
            "status": params.get("status"),
            "subscription": params.get("subscription"),
        },
        keep=matches(params, "collection_method"),
    )


@routes.add("GET", "/v1/invoices/{id}", "InvoiceRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve an invoice."""
    return request.session.get("invoice", request.id)


@routes.add("POST", "/v1/invoices/{id}", "InvoiceUpdateParams")
def update(request: Request) -> StripeObject:
    """Update what is not money."""
    session, params = request.session, request.params
    invoice = session.get("invoice", request.id)
    for name in ("auto_advance", "description", "footer", "days_until_due"):
        if name in params:
            invoice[name] = params[name]
    if params.get("default_payment_method"):
        method = payment_methods.named(session, params["default_payment_method"])
        invoice["default_payment_method"] = method["id"]
    if "metadata" in params:
        invoice["metadata"] = merged_metadata(invoice["metadata"], params["metadata"])
    session.save(invoice)
    session.emit("invoice.updated", invoice)
    return invoice


@routes.add("GET", "/v1/invoices/{id}/lines", "InvoiceLineItemListParams")
def index_lines(request: Request) -> StripeObject:
    """List an invoice's lines."""
    lines = request.session.get("invoice", request.id)["lines"]["data"]
    limit = request.params.get("limit", 10)
    return a_list(lines[:limit], url=request.path, has_more=len(lines) > limit)


@routes.add("POST", "/v1/invoices/{id}/finalize", "InvoiceFinalizeInvoiceParams")
def finalize(request: Request) -> StripeObject:
    """Finalize a draft."""
    session, params = request.session, request.params
    invoice = session.get("invoice", request.id)
    if "auto_advance" in params:
        invoice["auto_advance"] = params["auto_advance"]
    return invoice_states.finalize(session, invoice)


@routes.add("POST", "/v1/invoices/{id}/pay", "InvoicePayParams")
def pay(request: Request) -> StripeObject:
    """Pay now."""
    session, params = request.session, request.params
    invoice = session.get("invoice", request.id)
    if params.get("paid_out_of_band"):
        return invoice_states.pay_out_of_band(session, invoice)
    return invoice_states.pay(
        session,
        invoice,
        payment_method=params.get("payment_method"),
        off_session=params.get("off_session", True),
    )


@routes.add("POST", "/v1/invoices/{id}/void", "InvoiceVoidInvoiceParams")
def void(request: Request) -> StripeObject:
    """Void an open invoice."""
    return invoice_states.void(request.session, request.session.get("invoice", request.id))


@routes.add("POST", "/v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams")
def mark_uncollectible(request: Request) -> StripeObject:
    """Give an open invoice up."""
    return invoice_states.mark_uncollectible(
        request.session, request.session.get("invoice", request.id)
    )


@routes.add("DELETE", "/v1/invoices/{id}", "InvoiceDeleteParams")
def delete(request: Request) -> StripeObject:
    """Delete a draft that no subscription made."""
    session = request.session
    invoice = session.get("invoice", request.id)
    if invoice["status"] != "draft" or invoice["parent"]:
        raise StripeError(
            "You can only delete draft invoices that are not of a subscription.",
            code="invoice_not_editable",
        )
    for item in session.all("invoiceitem", customer=invoice["customer"]):
        if item["invoice"] == invoice["id"]:
            session.save(item, invoice=None)
    session.emit("invoice.deleted", invoice)
    session.forget(invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@routes.add("POST", "/v1/invoiceitems", "InvoiceItemCreateParams")
def create_item(request: Request) -> StripeObject:
    """Create an item: on a draft if one is named, otherwise for the customer's next invoice."""
    session, params = request.session, request.params
    draft = None
    if "invoice" in params:
        draft = session.get("invoice", params["invoice"], param="invoice")
        if draft["status"] != "draft":
            raise StripeError(
                "This invoice is no longer editable.", code="invoice_not_editable", param="invoice"
            )
    customer_id = params.get("customer") or (draft or {}).get("customer")
    if customer_id is None:
        raise StripeError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    customer = customer_lookup.existing(session, customer_id, param="customer")
    quantity = params.get("quantity", 1)
    price = None
    if "pricing" in params:
        price = prices.find(session, params["pricing"], param="pricing")
        amount, currency = price["unit_amount"] * quantity, price["currency"]
    elif "amount" in params:
        amount = params["amount"]
        currency = currencies.check_currency(params.get("currency", "usd"))
    else:
        raise StripeError(
            "One of `amount` or `pricing` is required.", code="parameter_missing", param="amount"
        )
    now = session.now(customer)
    item = invoice_lines.make_invoice_item(
        session,
        customer,
        amount=amount,
        currency=currency,
        description=params.get("description"),
        period=(now, now),
        price=price,
        metadata=merged_metadata({}, params.get("metadata", {})),
        quantity=quantity,
        quantity_decimal=str(quantity),
    )
    if draft:
        session.save(item, invoice=draft["id"])
        invoice_lines.add(draft, [invoice_lines.of_invoice_item(item)])
        session.save(draft)
    session.emit("invoiceitem.created", item)
    return item


@routes.add("GET", "/v1/invoiceitems", "InvoiceItemListParams")
def index_items(request: Request) -> StripeObject:
    """List invoice items."""
    params = request.params
    pending = params.get("pending")

    def keep(item: StripeObject) -> bool:
        if pending is not None and pending == bool(item["invoice"]):
            return False
        return "invoice" not in params or item["invoice"] == params["invoice"]

    return list_objects(
        request, "invoiceitem", where={"customer": params.get("customer")}, keep=keep
    )


@routes.add("GET", "/v1/invoiceitems/{id}", "InvoiceItemRetrieveParams")
def retrieve_item(request: Request) -> StripeObject:
    """Retrieve an invoice item."""
    return request.session.get("invoiceitem", request.id)
