"""Launch templates and their versions."""

import base64

DATA = {
    "ImageId": "ami-12345678",
    "InstanceType": "t3.micro",
    "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
    "EbsOptimized": True,
    "IamInstanceProfile": {"Name": "web"},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled", "InstanceMetadataTags": "enabled"},
    "Monitoring": {"Enabled": True},
    "BlockDeviceMappings": [{
        "DeviceName": "/dev/xvda",
        "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125, "Encrypted": True, "DeleteOnTermination": True},
    }],
    "SecurityGroupIds": ["sg-0123456789abcdef0"],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
}  # fmt: skip


def make(cloud, name="web", data=DATA, **more):
    return cloud.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data, **more)["LaunchTemplate"][
        "LaunchTemplateId"
    ]


def read(cloud, ident, version):
    found = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=ident, Versions=[version])
    return found["LaunchTemplateVersions"][0]


def test_everything_is_read_back(cloud):
    ident = make(cloud)
    assert read(cloud, ident, "1")["LaunchTemplateData"] == DATA


def test_a_version_inherits_from_its_source(cloud, refused):
    ident = make(cloud)
    ask = {
        "LaunchTemplateId": ident,
        "SourceVersion": "1",
        "LaunchTemplateData": {"InstanceType": "t3.small"},
        "ClientToken": "v2",
    }
    version = cloud.ec2.create_launch_template_version(**ask)["LaunchTemplateVersion"]
    assert version["VersionNumber"] == 2
    assert version["LaunchTemplateData"] == DATA | {"InstanceType": "t3.small"}
    assert cloud.ec2.create_launch_template_version(**ask)["LaunchTemplateVersion"]["VersionNumber"] == 2
    refused("IdempotentParameterMismatch", cloud.ec2.create_launch_template_version, **ask | {"SourceVersion": "2"})
    bare = cloud.ec2.create_launch_template_version(
        LaunchTemplateId=ident, LaunchTemplateData={"InstanceType": "t3.small"}
    )
    assert bare["LaunchTemplateVersion"]["LaunchTemplateData"] == {"InstanceType": "t3.small"}
    refused(
        "InvalidLaunchTemplateId.VersionNotFound",
        cloud.ec2.create_launch_template_version,
        LaunchTemplateId=ident,
        SourceVersion="9",
        LaunchTemplateData={"InstanceType": "t3.small"},
    )


def test_versions_by_name(cloud, refused):
    ident = make(cloud)
    cloud.ec2.create_launch_template_version(LaunchTemplateId=ident, LaunchTemplateData={"InstanceType": "t3.small"})
    assert read(cloud, ident, "$Default")["VersionNumber"] == 1
    assert read(cloud, ident, "$Latest")["VersionNumber"] == 2
    cloud.ec2.modify_launch_template(LaunchTemplateId=ident, DefaultVersion="2")
    assert read(cloud, ident, "$Default")["VersionNumber"] == 2
    latest = cloud.ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    assert [row["VersionNumber"] for row in latest] == [2]
    cloud.ec2.delete_launch_template_versions(LaunchTemplateId=ident, Versions=["1"])
    refused(
        "InvalidLaunchTemplateId.VersionNotFound",
        cloud.ec2.describe_launch_template_versions,
        LaunchTemplateId=ident,
        Versions=["1"],
    )


def test_bad_templates_are_refused(cloud, refused):
    ask = cloud.ec2.create_launch_template
    refused("InvalidParameterValue", ask, LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t99.huge"})
    refused("InvalidUserData.Malformed", ask, LaunchTemplateName="web", LaunchTemplateData={"UserData": "#!/bin/sh"})
    devices = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp2", "Throughput": 125}}]
    refused(
        "InvalidParameterCombination",
        ask,
        LaunchTemplateName="web",
        LaunchTemplateData={"BlockDeviceMappings": devices},
    )


def test_names_and_deletes(cloud, refused):
    ident = make(cloud, TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}])
    refused(
        "InvalidLaunchTemplateName.AlreadyExistsException",
        cloud.ec2.create_launch_template,
        LaunchTemplateName="web",
        LaunchTemplateData=DATA,
    )
    found = cloud.ec2.describe_launch_templates(Filters=[{"Name": "tag:a", "Values": ["b"]}])["LaunchTemplates"]
    assert [row["LaunchTemplateId"] for row in found] == [ident]
    cloud.ec2.delete_launch_template(LaunchTemplateId=ident)
    refused("InvalidLaunchTemplateId.NotFound", cloud.ec2.delete_launch_template, LaunchTemplateId=ident)
    refused(
        "InvalidLaunchTemplateName.NotFoundException", cloud.ec2.describe_launch_templates, LaunchTemplateNames=["web"]
    )
    assert cloud.inventory() == {}
