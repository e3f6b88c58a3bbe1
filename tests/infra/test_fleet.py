"""What machines may do, what they run on, and what moves their group."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pulumi

from infra.fleet import Fleet, FleetArgs
from infra.secrets import Secret, reading_policy, user_data
from tests.infra import mocked

ARGS = FleetArgs(
    ami_id="ami-1",
    root_device_name="/dev/xvda",
    vpc_id="vpc-1",
    subnet_ids=["subnet-a", "subnet-b"],
    target_group_arn="arn:tg",
    load_balancer_security_group_id="sg-balancer",
    application_port=8080,
    instance_type="t3.small",
    root_volume_gigabytes=8,
    has_detailed_monitoring=False,
    min_size=2,
    max_size=4,
    desired_capacity=2,
    target_cpu_percent=60,
    health_check_grace_period_seconds=120,
    region="eu-central-1",
    secrets=(),
    tags={"Project": "immutable-machines", "Stack": "dev"},
)
DATABASE = Secret(
    name="web/database",
    arn="arn:aws:secretsmanager:eu-central-1:1:secret:web/database-Ab12Cd",
    version="1",
    has_own_key=False,
)
TOKEN = Secret(
    name="/web/token",
    arn="arn:aws:ssm:eu-central-1:1:parameter/web/token",
    version="1",
    has_own_key=False,
)
TAGS = {"Project": "immutable-machines", "Stack": "dev", "Name": "web-dev"}


def create(
    args: FleetArgs = ARGS, name: str = "web-dev", opts: pulumi.ResourceOptions | None = None
) -> tuple[mocked.RecordingMocks, list[Any]]:
    """Create it on mocks and return its outputs."""

    def program() -> pulumi.Output[Any]:
        fleet = Fleet(name, args, opts)
        return pulumi.Output.all(
            fleet.auto_scaling_group_name, fleet.launch_template_id, fleet.launch_template_version
        )

    return mocked.run(program)


def test_outputs_are_the_group_and_the_number_of_the_launch_templates_version() -> None:
    _, outputs = create()

    assert outputs == ["web-group-1234567", "web-dev-launch-template-id", "7"]


def test_the_application_is_reached_from_the_load_balancer_only() -> None:
    mocks, _ = create()

    ingress = mocks.inputs_of(":SecurityGroupIngressRule")
    assert ingress["referencedSecurityGroupId"] == "sg-balancer"
    assert (ingress["ipProtocol"], ingress["fromPort"], ingress["toPort"]) == ("tcp", 8080, 8080)
    assert "cidrIpv4" not in ingress
    egress = [rule.inputs for rule in mocks.all_of(":SecurityGroupEgressRule")]
    balancers = [rule for rule in egress if rule["securityGroupId"] == "sg-balancer"]
    assert [(rule["referencedSecurityGroupId"], rule["fromPort"]) for rule in balancers] == [
        ("web-dev-machines-id", 8080)
    ]


def test_a_machine_may_be_managed_by_systems_manager_and_nothing_else() -> None:
    mocks, _ = create()

    role = mocks.inputs_of(":Role")
    (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert not role.keys() & {"inlinePolicies", "managedPolicyArns"}
    attachment = mocks.inputs_of(":RolePolicyAttachment")
    assert attachment["policyArn"] == "arn:aws-us-gov:iam::aws:policy/AmazonSSMManagedInstanceCore"


def test_machines_give_metadata_to_themselves_only_and_only_against_a_token() -> None:
    mocks, _ = create()

    assert mocks.inputs_of(":LaunchTemplate")["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_the_root_volume_is_the_images_own_device_encrypted_and_gone_with_its_machine() -> None:
    mocks, _ = create(replace(ARGS, root_device_name="/dev/sda1", root_volume_gigabytes=20))

    assert mocks.inputs_of(":LaunchTemplate")["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/sda1",
            "ebs": {
                "volumeType": "gp3",
                "volumeSize": 20,
                "encrypted": "true",
                "deleteOnTermination": "true",
            },
        }
    ]


def test_detailed_monitoring_is_as_configured() -> None:
    mocks, _ = create(replace(ARGS, has_detailed_monitoring=True))

    assert mocks.inputs_of(":LaunchTemplate")["monitoring"] == {"enabled": True}


def test_machines_and_volumes_carry_tags_of_which_none_changes_with_a_commit() -> None:
    mocks, _ = create()

    specifications = mocks.inputs_of(":LaunchTemplate")["tagSpecifications"]
    assert specifications == [
        {"resourceType": "instance", "tags": TAGS},
        {"resourceType": "volume", "tags": TAGS},
    ]
    taggable = (":SecurityGroup", "Rule", ":Role", ":InstanceProfile", ":LaunchTemplate")
    for kind in taggable:
        assert all(resource.inputs["tags"] == TAGS for resource in mocks.all_of(kind)), kind


def test_the_launch_template_holds_no_user_data_and_no_key_pair() -> None:
    mocks, _ = create()

    assert not mocks.inputs_of(":LaunchTemplate").keys() & {"userData", "keyName"}


def test_secrets_bring_the_machine_their_names_and_the_right_to_read_them_before_it_can_boot() -> None:
    mocks, _ = create(replace(ARGS, secrets=[DATABASE]))

    policy = mocks.inputs_of(":RolePolicy")
    assert policy["role"] == mocks.inputs_of(":InstanceProfile")["role"]
    assert json.loads(policy["policy"]) == json.loads(reading_policy([DATABASE], "eu-central-1"))
    assert mocks.inputs_of(":LaunchTemplate")["userData"] == user_data([DATABASE], "eu-central-1")
    kinds = [resource.typ for resource in mocks.resources]
    assert kinds.index("aws:iam/rolePolicy:RolePolicy") < kinds.index(
        "aws:iam/instanceProfile:InstanceProfile"
    )


def names_of_what_lets_machines_read(*secrets: Secret) -> set[str]:
    """The logical names of all that gives a machine its rights."""
    mocks, _ = create(replace(ARGS, secrets=secrets))
    return {resource.name for resource in mocks.resources if resource.typ.startswith("aws:iam/")}


def test_other_secrets_are_another_roles_so_that_old_machines_boot_until_the_rollout_succeeded() -> None:
    both = names_of_what_lets_machines_read(DATABASE, TOKEN)
    one = names_of_what_lets_machines_read(DATABASE)
    none = names_of_what_lets_machines_read()

    # What a program makes no more is deleted last, and not at all when the rollout failed: Pulumi,
    # "How Pulumi works", "Creation and deletion order".
    assert both.isdisjoint(one)
    assert none.isdisjoint(both | one)


def test_a_new_version_of_a_secret_or_another_order_is_the_same_role() -> None:
    both = names_of_what_lets_machines_read(DATABASE, TOKEN)

    made_anew = replace(DATABASE, version="2", arn=DATABASE.arn.replace("Ab12Cd", "Ef34Gh"))
    assert names_of_what_lets_machines_read(TOKEN, made_anew) == both


def test_without_secrets_there_is_no_policy_of_the_roles_own() -> None:
    mocks, _ = create()

    assert mocks.all_of(":RolePolicy") == []


def test_the_group_spans_the_subnets_believes_the_load_balancer_and_names_a_numbered_version() -> None:
    mocks, _ = create()

    group = mocks.inputs_of(":Group")
    assert group["vpcZoneIdentifiers"] == ["subnet-a", "subnet-b"]
    assert (group["healthCheckType"], group["healthCheckGracePeriod"]) == ("ELB", 120)
    assert group["targetGroupArns"] == ["arn:tg"]
    assert group["launchTemplate"] == {"id": "web-dev-launch-template-id", "version": "7"}
    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (2, 4, 2)


def test_only_the_rollout_replaces_and_waits_for_machines() -> None:
    mocks, _ = create()

    group = mocks.inputs_of(":Group")
    # With its own refresh the group is updated first, and rolls back to what is broken
    # (terraform-provider-aws#34189).
    assert "instanceRefresh" not in group
    assert group["waitForCapacityTimeout"] == "0"


def test_what_the_rollout_and_the_scaling_policy_move_is_not_moved_back() -> None:
    ignored: dict[str, object] = {}

    def record(resource: pulumi.ResourceTransformationArgs) -> None:
        ignored[resource.type_] = resource.opts.ignore_changes

    create(opts=pulumi.ResourceOptions(transformations=[record]))

    assert ignored["aws:autoscaling/group:Group"] == ["launchTemplate", "desiredCapacity"]


def test_the_capacity_follows_the_cpu() -> None:
    mocks, _ = create(replace(ARGS, target_cpu_percent=45))

    policy = mocks.inputs_of(":Policy")
    assert policy["policyType"] == "TargetTrackingScaling"
    assert policy["targetTrackingConfiguration"] == {
        "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
        "targetValue": 45.0,
    }


def test_long_names_leave_room_for_what_pulumi_adds() -> None:
    mocks, _ = create(replace(ARGS, secrets=[DATABASE]), name="f" * 100 + "-" + "s" * 50)

    longest = {":Role": 64, ":InstanceProfile": 128, ":LaunchTemplate": 125}
    for kind, length in longest.items():
        (resource,) = mocks.all_of(kind)
        assert len(resource.name) + 8 <= length
