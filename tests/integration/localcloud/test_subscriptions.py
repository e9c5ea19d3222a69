"""Who confirms subscriptions: addresses by the token that they get, mail nobody; what is refused."""

from __future__ import annotations

import base64
import json
import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import administer

from .conftest import ACCOUNT, Client, document, read_audit_log, refusal, statement

SECONDS = 30  # at most, until a message arrives


@dataclass
class Address:
    """A server of HTTP, and what was posted to it."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)  # of its next answers; 200 after these
    posted: queue.Queue[tuple[Message, str]] = field(default_factory=queue.Queue)

    def next(self) -> tuple[Message, dict[str, Any]]:
        headers, body = self.posted.get(timeout=SECONDS)
        return headers, json.loads(body)


@pytest.fixture
def address() -> Iterator[Address]:
    here = Address()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(here.statuses.pop(0) if here.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            here.posted.put((self.headers, body))

        def log_message(self, *_arguments: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here.url = f"http://127.0.0.1:{server.server_port}/messages"
        yield here
        server.shutdown()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_an_address_confirms_its_subscription_by_the_token_that_it_gets(
    client: Client, address: Address
) -> None:
    sns = client("sns")
    topic, other = (sns.create_topic(Name=name)["TopicArn"] for name in ("confirmed", "another"))
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": address.url}
    assert sns.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
    headers, message = address.next()
    assert headers["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
    assert headers["x-amz-sns-message-id"] == message["MessageId"]
    assert headers["x-amz-sns-topic-arn"] == message["TopicArn"] == topic
    assert headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert headers["User-Agent"] == "Amazon Simple Notification Service Agent"
    assert "x-amz-sns-subscription-arn" not in headers
    assert set(message) == {
        *("Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertURL"),
    }
    assert f"Action=ConfirmSubscription&TopicArn={topic}&Token={message['Token']}" in message["SubscribeURL"]

    arn = sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]  # the message comes again
    token = address.next()[1]["Token"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], token in str(attributes)) == ("true", False)
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsPending"] == "1"
    sns.publish(TopicArn=topic, Message="before the confirmation")
    for wrong in ({"TopicArn": topic, "Token": token[:-1]}, {"TopicArn": other, "Token": token}):
        assert refusal(sns.confirm_subscription, **wrong) == (400, "InvalidParameter")
    gone = {"TopicArn": f"{topic}-gone", "Token": token}
    assert refusal(sns.confirm_subscription, **gone) == (404, "NotFound")

    confirmed = sns.confirm_subscription(TopicArn=topic, Token=token)
    assert confirmed["SubscriptionArn"] == arn
    assert sns.subscribe(**asked)["SubscriptionArn"] == arn
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    assert attributes["ConfirmationWasAuthenticated"] == "true"
    named = {"n": {"DataType": "String", "StringValue": "v"}}
    sns.publish(TopicArn=topic, Message="after it", Subject="s", MessageAttributes=named)
    headers, message = address.next()  # the first since: nothing was sent before the confirmation
    assert headers["x-amz-sns-message-type"] == message["Type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert (message["Message"], message["Subject"]) == ("after it", "s")
    assert message["MessageAttributes"] == {"n": {"Type": "String", "Value": "v"}}
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    sns.publish(TopicArn=topic, Message="as it is")
    headers, body = address.posted.get(timeout=SECONDS)
    assert (headers["x-amz-sns-rawdelivery"], body) == ("true", "as it is")
    sns.unsubscribe(SubscriptionArn=arn)


def test_the_link_of_a_confirmation_message_needs_nothing_but_its_token(
    client: Client, address: Address, service: lifecycle.Status
) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="linked")["TopicArn"]
    host = address.url.removeprefix("http://")
    asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": f"http://ada:pass%20word@{host}"}
    arn = sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    headers, message = address.next()
    assert headers["Authorization"] == f"Basic {base64.b64encode(b'ada:pass word').decode()}"
    link = message["SubscribeURL"]
    assert link.startswith(f"{service.endpoint_url}/?")
    for wrong, status in (
        (link[:-1], 400),
        (link.replace("linked", "nowhere"), 404),
        (link.replace(topic, "x"), 404),
        (link.partition("&Token")[0], 400),
    ):
        assert get(wrong)[0] == status
    for action in ("Unsubscribe", "Publish", "Subscribe"):
        assert get(link.replace("ConfirmSubscription", action))[0] == 403
    page = urllib.request.Request(link, headers={"Origin": "http://pages.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(page)
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"
    for _ in range(2):  # who follows the link again gets the same answer
        status, answer = get(link)
        assert (status, f"<SubscriptionArn>{arn}</SubscriptionArn>" in answer) == (200, True)
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == attributes["ConfirmationWasAuthenticated"] == "false"
    entries = [each for each in read_audit_log(service) if each["action"] == "sns:ConfirmSubscription"]
    assert entries[-1]["principal"] == "anonymous"
    assert (entries[-1]["resource"], entries[-1]["decision"]) == (topic, "allow")
    assert message["Token"] not in json.dumps(entries)
    other = {**asked, "Protocol": "https"}
    assert refusal(sns.subscribe, **other) == (400, "InvalidParameter")


def test_what_an_address_does_not_take_is_sent_again_then_to_the_dead_letters(
    client: Client, address: Address, service: lifecycle.Status
) -> None:
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="unsteady")["TopicArn"]
    url = sqs.create_queue(QueueName="unsteady")["QueueUrl"]
    dead_letters = f"arn:aws:sqs:us-east-1:{ACCOUNT}:unsteady"
    policy = document(
        statement("sqs:SendMessage", dead_letters, Principal={"Service": "sns.amazonaws.com"}),
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letters})}
    address.statuses[:] = [503]
    variables = lifecycle.environment(service)
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address.url, Attributes=redrive)
    first = address.next()
    administer(variables, "clock", advance=20)
    again = address.next()
    assert again[1] == first[1]
    assert again[0]["x-amz-sns-message-id"] == first[0]["x-amz-sns-message-id"]
    assert get(again[1]["SubscribeURL"])[0] == 200

    address.statuses[:] = [302]  # what may not pass is not tried again
    sns.publish(TopicArn=topic, Message="lost")
    assert address.next()[1]["Message"] == "lost"
    (letter,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(letter["Body"])["Message"] == "lost"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    address.statuses[:] = [503] * 4
    sns.publish(TopicArn=topic, Message="four times")
    for attempt in range(4):
        assert address.next()[1]["Message"] == "four times"
        if attempt < 3:
            administer(variables, "clock", advance=20)
    (letter,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(letter["Body"])["Message"] == "four times"
    assert address.posted.empty()


def test_a_token_is_valid_for_two_days_and_nobody_waits_for_an_address(
    address: Address, tmp_path: Path
) -> None:
    variables = lifecycle.environment(
        lifecycle.up(tmp_path, port=0, keep=False)
    )  # its clock is moved by days
    try:
        sns = boto3.client(
            "sns",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        topic = sns.create_topic(Name="late")["TopicArn"]
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
            assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=nobody)["SubscriptionArn"]
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address.url)
            token = address.next()[1]["Token"]
            administer(variables, "clock", advance=2 * 86_400)
        assert refusal(sns.confirm_subscription, TopicArn=topic, Token=token) == (400, "InvalidParameter")
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address.url)
        assert sns.confirm_subscription(TopicArn=topic, Token=address.next()[1]["Token"])["SubscriptionArn"]
    finally:
        lifecycle.down(tmp_path)


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
