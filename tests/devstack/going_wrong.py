"""Changes that make healthy evidence wrong, each with the invariant that must notice."""

WRONG = []
"""Pairs of a number and a function, which changes the evidence in place or returns another."""


def wrong(number):
    """Have a function's change break this invariant."""

    def add(change):
        WRONG.append((number, change))
        return change

    return add


def entry_of(evidence, payment):
    return next(entry for entry in evidence.journal if entry.payment_id == payment)


def intent_of(evidence, payment):
    return evidence.intents_of[payment][0]


def row_of(rows, event_id):
    return next(row for row in rows if row["event_id"] == event_id)
