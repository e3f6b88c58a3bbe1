"""The scaling activities of a group: what DescribeScalingActivities tells (API reference, Activity)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_KEPT = 5000
MESSAGE_LIMIT = 255


@dataclass(kw_only=True)
class ScalingActivity:
    """One launch or termination; the keeper moves it on. Times are seconds since the epoch."""

    group_name: str
    group_arn: str
    description: str
    cause: str
    started_at: float
    status_code: str
    progress: int
    activity_id: str = ""
    ended_at: float = 0.0
    message: str = ""
    details: str = ""
    is_of_deleted_group: bool = False

    def __post_init__(self) -> None:
        self.activity_id = self.activity_id or str(uuid.uuid4())

    def succeed(self, now: float) -> None:
        """It is over, as it should be."""
        if not self.ended_at:
            self.status_code, self.progress, self.ended_at = "Successful", 100, now

    def fail(self, now: float, message: str) -> None:
        """It is over, and *message* says why it went wrong."""
        if not self.ended_at:
            self.status_code, self.progress, self.ended_at = "Failed", 100, now
            self.message = message[:MESSAGE_LIMIT]

    def as_answer(self) -> dict[str, object]:
        """The activity as the API shows it."""
        answer: dict[str, object] = {
            "ActivityId": self.activity_id,
            "AutoScalingGroupName": self.group_name,
            "AutoScalingGroupARN": self.group_arn,
            "Description": self.description,
            "Cause": self.cause[:1023],
            "StartTime": moment(self.started_at),
            "StatusCode": self.status_code,
            "Progress": self.progress,
            "Details": self.details,
            "AutoScalingGroupState": "Deleted" if self.is_of_deleted_group else "InService",
        }
        if self.ended_at:
            answer["EndTime"] = moment(self.ended_at)
        if self.message:
            answer["StatusMessage"] = self.message
        return answer


def moment(seconds: float) -> datetime:
    """The time as botocore serializes it."""
    return datetime.fromtimestamp(seconds, UTC)


def newest_first(
    activities: Iterable[ScalingActivity], *, ids: Sequence[str], group_name: str, with_deleted: bool
) -> list[ScalingActivity]:
    """The activities asked for; those in progress come first (API: DescribeScalingActivities)."""
    wanted = [
        activity
        for activity in activities
        if (not ids or activity.activity_id in ids)
        and (not group_name or activity.group_name == group_name)
        and (with_deleted or not activity.is_of_deleted_group)
    ]
    wanted.reverse()
    return sorted(wanted, key=lambda activity: bool(activity.ended_at))
