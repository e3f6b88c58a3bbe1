"""What an alarm's state is after its last data points: a pure decision, held to AWS's own examples by tests.

CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

from collections.abc import Sequence

from local_aws.monitoring.values import Datapoint, MissingData, Rule, State, Verdict


def evaluate(rule: Rule, datapoints: Sequence[Datapoint | None], current: State) -> Verdict:
    """The state after *datapoints*, the evaluation range from old to new with None for a missing one."""
    real = [point for point in datapoints if point is not None]
    evaluated = tuple(reversed(real[-rule.evaluation_periods :]))
    if any(point.samples < rule.fewest_samples for point in evaluated):
        return Verdict(state=current, datapoints=evaluated)
    breaching = sum(rule.is_breached_by(point.value) for point in evaluated)
    filled = rule.evaluation_periods - len(evaluated)
    if filled and rule.missing_data is MissingData.BREACHING:
        breaching += filled
    if breaching >= rule.datapoints_to_alarm:
        return Verdict(state=State.ALARM, datapoints=evaluated, filled=filled)
    if filled and rule.missing_data in (MissingData.MISSING, MissingData.IGNORE):
        return _decide_without_filling(rule, datapoints, evaluated, current)
    return Verdict(state=State.OK, datapoints=evaluated, filled=filled)


def _decide_without_filling(
    rule: Rule, datapoints: Sequence[Datapoint | None], evaluated: tuple[Datapoint, ...], current: State
) -> Verdict:
    """The state where too few data points are there, and what is missing counts neither way."""
    if any(not rule.is_breached_by(point.value) for point in evaluated):
        return Verdict(state=State.OK, datapoints=evaluated)
    if rule.missing_data is MissingData.IGNORE:
        return Verdict(state=current, datapoints=evaluated)
    # "Avoiding premature transitions to alarm state": a lone breach may be the first of a good row, unless
    # it is old enough that the others should have come.
    age = next((len(datapoints) - index for index, point in enumerate(datapoints) if point is not None), 0)
    if evaluated and age >= rule.datapoints_to_alarm:
        return Verdict(state=State.ALARM, datapoints=evaluated)
    return Verdict(state=State.INSUFFICIENT_DATA, datapoints=evaluated)
