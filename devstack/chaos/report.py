"""What a run found, as text for a person and as JSON for a program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from devstack.chaos.faults import Happened
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.recovery import Recovery


@dataclass(frozen=True, kw_only=True)
class Report:
    """The findings of a run, and what it took to get them."""

    command: str
    """The command line that repeats the run's schedule."""
    seed: int
    broker: str
    payments: int
    restricted: bool
    """Whether only some disruptions were asked for, so that no kill had to be among them."""
    findings: Sequence[Finding]
    happened: Sequence[Happened]
    kills: dict[str, int]
    recovery: Recovery
    load_seconds: float
    """Until the last client had what it waited for."""
    settle_seconds: float
    """From the end of the faults until nothing moved any more."""
    total_seconds: float

    @property
    def violations(self) -> int:
        """How often an invariant was broken."""
        return sum(len(finding.violations) for finding in self.findings)

    @property
    def missed_kills(self) -> list[Happened]:
        """The kills that were planned and not taken."""
        return [one for one in self.happened if one.is_kill and one.missed]

    @property
    def never_killed(self) -> list[str]:
        """The programs that the run should have killed, and did not at all."""
        if self.restricted:
            return []
        killed = {one.step.target for one in self.happened if one.is_kill and not one.missed}
        return sorted({one.step.target for one in self.missed_kills} - killed)

    @property
    def ok(self) -> bool:
        """Whether every invariant holds, after all that should be killed was."""
        return not self.violations and not self.never_killed

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        missed = [one for one in self.happened if one.missed]
        return {
            "command": self.command,
            "seed": self.seed,
            "broker": self.broker,
            "payments": self.payments,
            "invariants": {str(finding.number): finding.as_json() for finding in self.findings},
            "violations": self.violations,
            "kills": self.kills,
            "never_killed": self.never_killed,
            "steps": len(self.happened),
            "missed": [f"{one.step}: {one.missed}" for one in missed],
            "recovery_seconds": self.recovery.as_json(),
            "load_seconds": round(self.load_seconds, 1),
            "settle_seconds": round(self.settle_seconds, 1),
            "total_seconds": round(self.total_seconds, 1),
            "ok": self.ok,
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person wants to know."""
        yield f"\nInvariants after {self.payments} payments, seed {self.seed}, {self.broker}:"
        for finding in sorted(self.findings, key=lambda one: one.number):
            verdict = f"{len(finding.violations)} BROKEN" if finding.violations else "holds"
            yield f"  {finding.number:2}  {finding.title:<66} {finding.checked:7}  {verdict}"
            yield from (f"        {told[:400]}" for told in finding.violations[:3])
        recovered = self.recovery.as_json()
        kills = ", ".join(f"{name} {count}" for name, count in self.kills.items())
        yield f"{sum(self.kills.values())} kills: {kills}"
        if self.missed_kills:
            missed = ", ".join(str(one.step).strip() for one in self.missed_kills)
            yield f"Planned and not taken, by number of payments: {missed}"
        for program in self.never_killed:
            yield f"FAILED: {program} was to be killed and never was; this run says nothing of it."
        yield (
            f"Seconds from a kill until a payment accepted after it came through:"
            f" median {recovered.get('median')}, worst {recovered.get('worst')};"
            f" until any did: worst {recovered['any_progress'].get('worst')}."
        )
        yield (
            f"Load {self.load_seconds:.0f} s, at rest {self.settle_seconds:.1f} s after the faults;"
            f" {self.total_seconds:.0f} s in all."
        )
