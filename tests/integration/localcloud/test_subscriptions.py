"""SNS sends no mail and no text messages: mail stays unconfirmed, and what is not sent is refused."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from .conftest import Client, refusal


def test_a_subscription_by_mail_stays_unconfirmed_and_goes_with_its_topic(client: Client) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="mail")["TopicArn"]
    mail = {"TopicArn": topic, "Protocol": "email", "Endpoint": "ada@example.com"}
    assert sns.subscribe(**mail)["SubscriptionArn"] == "pending confirmation"
    arn = sns.subscribe(**mail, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == (
        "true",
        "false",
    )
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Endpoint"]) == ("PendingConfirmation", "ada@example.com")
    assert listed in sns.list_subscriptions()["Subscriptions"]
    queue = "arn:aws:sqs:us-east-1:123456789012:mail"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    numbers = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (numbers["SubscriptionsPending"], numbers["SubscriptionsConfirmed"]) == ("1", "1")
    assert refusal(sns.confirm_subscription, TopicArn=topic, Token="0" * 64) == (400, "InvalidParameter")
    with pytest.raises(ClientError, match="Cannot unsubscribe a subscription that is pending confirmation"):
        sns.unsubscribe(SubscriptionArn=arn)
    assert sns.publish(TopicArn=topic, Message="to the queue only")["MessageId"]
    sns.delete_topic(TopicArn=topic)
    assert listed not in sns.list_subscriptions()["Subscriptions"]


def test_what_is_not_delivered_is_refused(client: Client) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="phones")["TopicArn"]
    subscribe = sns.subscribe
    phone = {"Protocol": "sms", "Endpoint": "+12065550100"}
    assert refusal(subscribe, TopicArn=topic, **phone) == (501, "NotImplemented")
    pigeon = {"Protocol": "pigeon", "Endpoint": "home"}
    assert refusal(subscribe, TopicArn=topic, **pigeon) == (400, "InvalidParameter")
    nobody = {"Protocol": "email", "Endpoint": "nobody"}
    assert refusal(subscribe, TopicArn=topic, **nobody) == (400, "InvalidParameter")
    assert refusal(sns.publish, PhoneNumber="+12065550100", Message="m") == (501, "NotImplemented")
    application = sns.create_platform_application(
        Name="app", Platform="GCM", Attributes={"PlatformCredential": "key"}
    )
    device = sns.create_platform_endpoint(
        PlatformApplicationArn=application["PlatformApplicationArn"], Token="t"
    )["EndpointArn"]
    assert refusal(sns.publish, TargetArn=device, Message="m") == (501, "NotImplemented")
    number = {"phoneNumber": "+12065550199"}
    assert refusal(sns.check_if_phone_number_is_opted_out, **number) == (501, "NotImplemented")


def test_a_console_has_no_output_of_another_system(client: Client) -> None:
    ec2 = client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (instance,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    output = ec2.get_console_output(InstanceId=instance["InstanceId"])
    assert (output["InstanceId"], output.get("Output", "")) == (instance["InstanceId"], "")
    unknown = refusal(ec2.get_console_output, InstanceId="i-00000000000000000")
    assert unknown == (400, "InvalidInstanceID.NotFound")
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
