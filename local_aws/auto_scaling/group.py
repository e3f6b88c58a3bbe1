"""moto's group and its instances, which here only record: the keeper launches and terminates."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState
from moto.ec2.models.instances import Instance

from local_aws.auto_scaling.activities import ScalingActivity
from local_aws.auto_scaling.values import Concern, Lifecycle, Template


class LocalInstanceState(InstanceState):
    """An instance of a group, with the launch template version that it was launched from."""

    def __init__(
        self,
        instance: Instance,
        group: LocalAutoScalingGroup,
        *,
        now: float,
        template: Template | None,
        subnet: str = "",
        launched_for: str = "",
        activity: ScalingActivity | None = None,
    ) -> None:
        instance.autoscaling_group = group  # type: ignore[attr-defined]
        super().__init__(
            instance,
            lifecycle_state=Lifecycle.PENDING.value,
            protected_from_scale_in=group.new_instances_protected_from_scale_in,
            autoscaling_group=group,
        )
        self.template = template
        self.subnet = subnet
        self.registered: frozenset[str] = frozenset()
        self.concern = Concern.NONE
        self.launched_at = now
        self.in_service_at = 0.0
        self.terminating_at = 0.0
        self.is_termination_requested = False
        self.launched_for = launched_for
        self.activity = activity

    @property
    def launch_template(self) -> dict[str, Any] | None:
        """The version that this instance was launched from, which is not always the group's."""
        return as_specification(self.template) if self.template else None

    @property
    def launch_configuration_name(self) -> str | None:
        """None: launch configurations are not served."""
        return None

    def show(self, lifecycle: Lifecycle) -> None:
        """Put it into *lifecycle*."""
        self.lifecycle_state = lifecycle.value

    def judge(self, concern: Concern) -> None:
        """Show it as healthy or not."""
        self.concern = concern
        self.health_status = "Healthy" if concern is Concern.NONE else "Unhealthy"


class LocalAutoScalingGroup(FakeAutoScalingGroup):
    """A group whose capacity is a wish that the keeper fulfils."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.status: str | None = None
        self.default_instance_warmup: int | None = None
        self.request_cause = ""
        self.failed_template: Template | None = None
        self.launch_failures = 0
        self.launch_not_before = 0.0
        self.last_launch_error = ""
        self.revision = 0
        super().__init__(*args, **kwargs)

    @property
    def states(self) -> list[LocalInstanceState]:
        """The instances; every one of them is ours."""
        return [state for state in self.instance_states if isinstance(state, LocalInstanceState)]

    @property
    def saved_template(self) -> Template:
        """The launch template as it was last saved on the group; its version may be $Latest or $Default."""
        template = self.ec2_launch_template
        if template is None:
            raise ValueError(f"group {self.name} has no launch template; create it with one")
        return Template(
            template_id=template.id, template_name=template.name, version=str(self.launch_template_version)
        )

    def save_template(self, template: Template) -> None:
        """Launch from *template* from now on."""
        specification = {"LaunchTemplateId": template.template_id, "Version": template.version}
        self._set_launch_configuration("", specification, None)

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        """Record the wish; moto's own method would launch or terminate here and now."""
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity

    def replace_autoscaling_group_instances(self, count_needed: int, propagated_tags: dict[str, str]) -> None:
        """Nothing: the keeper sees what is missing."""

    def find_state(self, instance_id: str) -> LocalInstanceState | None:
        """The instance *instance_id* of this group, if it has it."""
        return next((state for state in self.states if state.instance_id == instance_id), None)

    def subnet_ids(self) -> tuple[str, ...]:
        """Where it launches: its subnets, or the default subnets of its Availability Zones."""
        if self.vpc_zone_identifier:
            return tuple(name.strip() for name in self.vpc_zone_identifier.split(","))
        subnets = self.ec2_backend.get_default_subnets()
        return tuple(subnets[zone].id for zone in self.availability_zones if zone in subnets)


def as_specification(template: Template) -> dict[str, Any]:
    """The LaunchTemplateSpecification of *template*."""
    return {
        "LaunchTemplateId": template.template_id,
        "LaunchTemplateName": template.template_name,
        "Version": template.version,
    }
