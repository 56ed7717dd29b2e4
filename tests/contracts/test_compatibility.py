from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, create_model

from kafka_bridge.contracts import EVENT_CLASSES, CardPaymentAnswered, Contract, Event, Topic
from kafka_bridge.contracts.compatibility import check, compare, snapshot, snapshot_name

SNAPSHOTS = Path(__file__).parent / "snapshots"


class Line(Contract):
    text: str
    count: int = 1


class Kept(Event):
    topic: ClassVar = Topic.PAYMENT_ANALYTICS

    source: str = "payment-service"
    amount: Annotated[int, Field(gt=0, le=100)]
    kind: Literal["a", "b"] = "a"
    note: str | None = None
    lines: list[Line] = Field(default_factory=list)
    extra: dict[str, Any] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)


def changed(**fields):
    return create_model("Changed", __base__=Kept, **fields)


class TestContracts:
    @pytest.mark.parametrize("comparison", check(SNAPSHOTS), ids=lambda found: found.name)
    def test_keeps_what_its_version_promised(self, comparison):
        assert not comparison.breaks, str(comparison)

    @pytest.mark.parametrize("comparison", check(SNAPSHOTS), ids=lambda found: found.name)
    def test_snapshot_is_current(self, comparison):
        assert not comparison.behind, str(comparison)

    def test_no_snapshot_is_left_over(self):
        names = {snapshot_name(event_class) for event_class in EVENT_CLASSES.values()}

        assert {file.name for file in SNAPSHOTS.iterdir()} <= names


class TestCompare:
    def breaks(self, new, old=Kept):
        return compare(new, snapshot(old)).breaks

    def test_same_contract_is_fine(self):
        found = compare(Kept, snapshot(Kept))

        assert (found.breaks, found.behind) == ([], False)

    @pytest.mark.parametrize(
        "fields",
        [
            {"added": (str | None, None)},
            {"added": (int, 5)},
            {"kind": (Literal["a", "b", "c"], "a")},
            {"amount": (Annotated[int, Field(ge=0, le=1000)], ...)},
            {"note": (str | int | None, None)},
            {"lines": (list[create_model("Line", __base__=Line, added=(str, ""))], [])},
            {"labels": (dict[str, Any], {})},
        ],
    )
    def test_what_old_records_still_fit_passes_and_asks_for_a_new_snapshot(self, fields):
        found = compare(changed(**fields), snapshot(Kept))

        assert (found.breaks, found.behind) == ([], True)
        assert "--update" in str(found)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"added": (str, ...)}, "added: new, and required"),
            ({"note": (str, ...)}, "note: narrowed: no longer null"),
            ({"amount": (Annotated[int, Field(gt=0, le=99)], ...)}, "amount: narrowed: at most 99"),
            (
                {"amount": (Annotated[int, Field(gt=5, le=100)], ...)},
                "amount: narrowed: at least 6",
            ),
            (
                {"amount": (Annotated[str, Field(pattern="^1$")], ...)},
                "amount: narrowed: no longer",
            ),
            ({"amount": (int, 5)}, "amount: was required, is optional"),
            ({"kind": (Literal["a"], "a")}, 'kind: narrowed: no longer "b"'),
            (
                {"note": (Annotated[str, Field(max_length=9)] | None, None)},
                "note: narrowed: at most 9",
            ),
            ({"note": (Literal["x"] | None, None)}, "note: narrowed: only"),
            (
                {"lines": (list[create_model("Line", text=(str, ...))], [])},
                "lines[].count: removed",
            ),
            ({"extra": (dict[str, str], {})}, "extra: narrowed: other fields had any type"),
            ({"labels": (dict[str, Literal["x"]], {})}, "labels.*: narrowed: only"),
        ],
    )
    def test_what_breaks_somebody_is_refused(self, fields, reason):
        found = compare(changed(**fields), snapshot(Kept))

        assert reason in str(found)
        assert "new major version" in str(found)

    def test_removed_field_is_refused(self):
        assert self.breaks(Kept, old=changed(gone=(str | None, None))) == ["gone: removed"]

    def test_renamed_field_is_refused(self):
        new = changed(note=(str | None, Field(default=None, alias="remark")))

        assert self.breaks(new) == ["note: removed"]


class TestUpdate:
    def test_writes_what_is_behind_and_keeps_what_is_broken(self, tmp_path):
        broken = tmp_path / snapshot_name(CardPaymentAnswered)
        old = snapshot(CardPaymentAnswered).replace('"success"', '"succeeded"')
        broken.write_text(old)

        found = {comparison.name: comparison for comparison in check(tmp_path, update=True)}

        assert found["CardPaymentAnswered"].breaks == [
            "succeeded: removed",
            "success: new, and required",
        ]
        assert broken.read_text() == old
        assert (tmp_path / "payment.analytics.v1.json").exists()
        assert not found["PaymentMeasured"].behind
