"""HTTP and REST APIs, and pages of other origins, reach a function by plain HTTP."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .conftest import Stage, eventually, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")

NAME, ORIGIN = "behind-apis", "https://example.com"
FUNCTION = f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}"
SOURCE = """
import json, time
def handler(event, context):
    if "fail" in (event.get("rawPath") or event["path"]): raise ValueError("no")
    if "wrong" in (event.get("rawPath") or event["path"]): return {"body": 1, "statusCode": 200}
    if "slow" in (event.get("rawPath") or event["path"]):
        time.sleep(0.6)
        print("ended", event.get("rawPath") or event["path"])
    made = {"X-Made": "yes", "X-Invoked": context.invoked_function_arn}
    return {"statusCode": 201, "headers": made, "body": json.dumps(event)}
"""


class Apis:
    """A function, clients of both services, and requests."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.http = stage, urllib3.PoolManager(retries=False)
        self.port = urlsplit(stage.environment["AWS_ENDPOINT_URL"]).port
        self.client, self.v1 = stage.client("lambda"), stage.client("apigateway")
        self.v2 = stage.client("apigatewayv2")
        self.client.create_function(
            FunctionName=NAME,
            Role=stage.role("lambda.amazonaws.com"),
            Runtime="python3.11",
            Handler="app.handler",
            Code={"ZipFile": zipped(app=SOURCE)},
            Publish=True,
        )
        self.client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")

    def allow(self, api: str, qualifier: str | None = None) -> None:
        self.client.add_permission(
            FunctionName=NAME,
            StatementId=f"api-{api}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:123456789012:{api}/*/*",
            **({"Qualifier": qualifier} if qualifier else {}),
        )

    def ask(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        credentials: Credentials | None = None,
        **headers: str,
    ) -> urllib3.BaseHTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if credentials:
            request = AWSRequest(method, url, headers=sent, data=body)
            SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
            sent = dict(request.headers.items())
        return self.http.request(method, url, body=body, headers=sent)

    def http_api(self, route: str = "GET /pets/{id}", version: str = "2.0", **more: Any) -> tuple[str, str]:
        api = self.v2.create_api(Name="pets", ProtocolType="HTTP", **more)
        key = {"ApiId": api["ApiId"]}
        integration = self.v2.create_integration(
            **key, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion=version
        )["IntegrationId"]
        self.v2.create_route(**key, RouteKey=route, Target=f"integrations/{integration}")
        self.v2.create_stage(**key, StageName="$default", AutoDeploy=True, StageVariables={"a": "b"})
        return api["ApiId"], api["ApiEndpoint"]


@pytest.fixture(scope="module")
def apis(stage: Stage) -> Apis:
    return Apis(stage)


def test_an_http_api_invokes_a_function_that_its_policy_lets_it(apis: Apis) -> None:
    api, address = apis.http_api()
    refused = apis.ask(f"{address}/pets/1")
    assert (refused.status, refused.json()) == (500, {"message": "Internal Server Error"})
    apis.allow(api)
    response = apis.ask(f"{address}/pets/a%20b?x=1&x=2", Cookie="c=d")
    assert (response.status, response.headers["X-Made"]) == (201, "yes")
    event = response.json()
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /pets/{id}", "/pets/a%20b")
    assert (event["pathParameters"], event["stageVariables"]) == ({"id": "a b"}, {"a": "b"})
    assert (event["queryStringParameters"], event["cookies"]) == ({"x": "1,2"}, ["c=d"])
    assert (event["requestContext"]["stage"], event["requestContext"]["apiId"]) == ("$default", api)
    for method, path in (("POST", "/pets/1"), ("GET", "/pets"), ("GET", "/pets/1/2")):
        answer = apis.ask(f"{address}{path}", method)
        assert (answer.status, answer.json()) == (404, {"message": "Not Found"})
    assert apis.ask(f"{address}/pets/fail").json() == {"message": "Internal Server Error"}
    large = apis.ask(f"{address}/pets/1", body=bytes(5_000_000))  # more than 6 MB in base64
    assert (large.status, large.json()) == (413, {"message": "Request Entity Too Large"})
    apis.v2.update_api(ApiId=api, DisableExecuteApiEndpoint=True)
    assert apis.ask(f"{address}/pets/1").status == 404
    apis.v2.update_api(ApiId=api, DisableExecuteApiEndpoint=False)
    by_host = f"http://127.0.0.1:{apis.port}/pets/2"
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    assert apis.ask(by_host, Host=host).json()["pathParameters"] == {"id": "2"}
    apis.v2.delete_api(ApiId=api)
    assert apis.ask(f"{address}/pets/1").status == 403


def test_signed_requests_cross_origins_and_the_older_payload(apis: Apis) -> None:
    cors = {"AllowOrigins": [ORIGIN], "AllowMethods": ["GET"], "MaxAge": 60}
    api, address = apis.http_api("$default", "1.0", CorsConfiguration=cors)
    apis.allow(api)
    (route,) = apis.v2.get_routes(ApiId=api)["Items"]
    event = apis.ask(f"{address}/any/where", "POST", b"text", Content_Type="text/plain", Origin=ORIGIN)
    assert event.headers["Access-Control-Allow-Origin"] == ORIGIN
    document = event.json()
    assert (document["version"], document["path"], document["body"]) == ("1.0", "/any/where", "text")
    asked = apis.ask(address, "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="GET")
    assert (asked.status, asked.headers["Access-Control-Allow-Methods"]) == (204, "GET")
    assert apis.ask(address, Origin="https://another.example").status == 403
    apis.v2.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    assert (apis.ask(address).status, apis.ask(address).json()) == (403, {"message": "Forbidden"})
    invoke = {"Effect": "Allow", "Action": "execute-api:Invoke"}
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{api}/$default/GET/allowed"
    credentials = apis.stage.session([{**invoke, "Resource": arn}])
    assert apis.ask(f"{address}/other", credentials=credentials).status == 403
    signed = apis.ask(f"{address}/allowed", credentials=credentials).json()
    assert signed["requestContext"]["identity"]["userArn"].endswith("/caller")


def test_a_rest_api_serves_what_was_deployed(apis: Apis) -> None:
    v1, port = apis.v1, apis.port
    api = v1.create_rest_api(name="pets", binaryMediaTypes=["image/*"])
    key, root = {"restApiId": api["id"]}, api["rootResourceId"]
    resource = v1.create_resource(**key, parentId=root, pathPart="{proxy+}")["id"]
    v1.put_method(**key, resourceId=resource, httpMethod="ANY", authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}:live/invocations"
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri}
    v1.put_integration(**key, resourceId=resource, httpMethod="ANY", **integration)
    with pytest.raises(v1.exceptions.BadRequestException, match="between 50 ms and 29000 ms"):
        v1.put_integration(
            **key, resourceId=resource, httpMethod="ANY", **{**integration, "timeoutInMillis": 29_001}
        )
    v1.create_deployment(**key, stageName="prod", variables={"a": "b"})
    address = f"http://127.0.0.1:{port}/_execute-api/{api['id']}/prod"
    assert apis.ask(f"{address}/pets").json() == {"message": "Internal server error"}
    apis.allow(api["id"], "live")  # of the alias only
    event = apis.ask(f"{address}/pets/1?x=1&x=2", "PUT", b"\xff", Content_Type="image/png").json()
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/{proxy+}", "/pets/1", "PUT")
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert (event["pathParameters"], event["stageVariables"]) == ({"proxy": "pets/1"}, {"a": "b"})
    assert event["requestContext"]["path"] == "/prod/pets/1"
    for path in ("fail", "wrong"):
        assert apis.ask(f"{address}/{path}").status == 502
    path = {**key, "resourceId": resource, "httpMethod": "ANY"}

    def change(name: str, value: str) -> dict[str, Any]:
        patch = [{"op": "replace", "path": name, "value": value}]
        update = v1.update_method if name == "/authorizationType" else v1.update_integration
        changed: dict[str, Any] = update(**path, patchOperations=patch)
        return changed

    assert change("/timeoutInMillis", "200")["timeoutInMillis"] == 200
    assert change("/authorizationType", "AWS_IAM")["authorizationType"] == "AWS_IAM"
    assert apis.ask(f"{address}/slow").status == 201  # as it was deployed
    v1.create_deployment(**key, stageName="changed", variables={"a": "b"})
    assert apis.ask(f"{address.removesuffix('prod')}changed/pets").status == 403
    change("/authorizationType", "NONE")
    v1.create_deployment(**key, stageName="changed")
    late = apis.ask(f"{address.removesuffix('prod')}changed/slow")
    assert (late.status, late.json()) == (504, {"message": "Endpoint request timed out"})
    for name, value in (
        ("/timeoutInMillis", "29001"),
        ("/uri", "https://example.com"),
        ("/authorizationType", "COGNITO_USER_POOLS"),
        ("/unknown", "x"),
    ):
        with pytest.raises(v1.exceptions.BadRequestException):
            change(name, value)
    for disabled, status in (("true", 403), ("false", 201)):
        change = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": disabled}
        assert v1.update_rest_api(**key, patchOperations=[change])["disableExecuteApiEndpoint"] == (
            status == 403
        )
        assert apis.ask(f"{address}/pets").status == status
    mock = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    v1.put_method(**key, resourceId=resource, httpMethod="OPTIONS", authorizationType="NONE")
    v1.put_integration(**key, resourceId=resource, httpMethod="OPTIONS", **mock)
    header = "method.response.header.X-Mock"
    response = {"statusCode": "200", "responseParameters": {header: "'constant'"}}
    v1.put_method_response(
        **key, resourceId=resource, httpMethod="OPTIONS", statusCode="200", responseParameters={header: True}
    )
    v1.put_integration_response(**key, resourceId=resource, httpMethod="OPTIONS", **response)
    assert apis.ask(f"{address}/pets", "OPTIONS").status == 201  # not deployed: the function's
    v1.create_deployment(**key, stageName="prod")
    answer = apis.ask(f"{address}/pets", "OPTIONS")
    assert (answer.status, answer.headers["X-Mock"]) == (200, "constant")
    assert apis.ask(address).json() == {"message": "Missing Authentication Token"}


def test_a_rest_api_answers_errors_as_its_gateway_responses_say(apis: Apis) -> None:
    v1 = apis.v1
    api = v1.create_rest_api(name="errors")
    key = {"restApiId": api["id"]}
    path = {**key, "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    v1.put_method(**path, authorizationType="AWS_IAM")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
    v1.put_integration(**path, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    v1.create_deployment(**key, stageName="prod")
    address = f"http://127.0.0.1:{apis.port}/_execute-api/{api['id']}/prod"
    assert apis.ask(address).json() == {"message": "Missing Authentication Token"}
    template = '{"error": $context.error.messageString, "kind": "$context.error.responseType"}'
    origin = "gatewayresponse.header.Access-Control-Allow-Origin"
    v1.put_gateway_response(
        **key,
        responseType="DEFAULT_4XX",
        responseParameters={origin: "'*'"},
        responseTemplates={"application/json": template},
    )
    v1.put_gateway_response(**key, responseType="API_CONFIGURATION_ERROR", statusCode="503")
    assert apis.ask(address).json() == {"message": "Missing Authentication Token"}  # not deployed
    v1.create_deployment(**key, stageName="prod")
    missing = {"error": "Missing Authentication Token", "kind": "MISSING_AUTHENTICATION_TOKEN"}
    answer = apis.ask(f"{address}/none")
    assert (answer.status, answer.json()) == (403, missing)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    nobody = apis.ask(address, credentials=apis.stage.session([]))
    assert (nobody.status, nobody.json()["kind"]) == (403, "ACCESS_DENIED")
    allowed = [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]
    unable = apis.ask(address, credentials=apis.stage.session(allowed))  # no policy lets the API invoke
    assert (unable.status, unable.json()) == (503, {"message": "Internal server error"})
    shown = {each["responseType"]: each for each in v1.get_gateway_responses(**key)["items"]}
    assert (len(shown), shown["THROTTLED"]["statusCode"]) == (21, "429")
    assert (shown["THROTTLED"]["defaultResponse"], shown["DEFAULT_4XX"]["defaultResponse"]) == (True, False)
    v1.delete_gateway_response(**key, responseType="DEFAULT_4XX")
    v1.create_deployment(**key, stageName="prod")
    assert apis.ask(address).json() == {"message": "Missing Authentication Token"}
    with pytest.raises(v1.exceptions.BadRequestException, match="no templates in the language of mappings"):
        v1.put_gateway_response(
            **key, responseType="THROTTLED", responseTemplates={"application/json": "#set($a = 1)"}
        )


def test_what_would_not_be_served_is_refused(apis: Apis) -> None:
    v1, v2 = apis.v1, apis.v2
    api, _ = apis.http_api("GET /refused")
    errors = v2.exceptions.BadRequestException
    with pytest.raises(errors, match="no WebSocket APIs"):
        v2.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    with pytest.raises(errors, match="no integration of type HTTP_PROXY"):
        v2.create_integration(
            ApiId=api, IntegrationType="HTTP_PROXY", IntegrationUri=ORIGIN, IntegrationMethod="GET"
        )
    with pytest.raises(errors, match="no JWT authorization of routes"):
        v2.create_route(ApiId=api, RouteKey="GET /t", AuthorizationType="JWT", AuthorizerId="a")
    with pytest.raises(errors, match="set AutoDeploy"):
        v2.create_stage(ApiId=api, StageName="prod")
    rest = v1.create_rest_api(name="refused")
    where = {"restApiId": rest["id"], "resourceId": rest["rootResourceId"], "httpMethod": "GET"}
    with pytest.raises(v1.exceptions.BadRequestException, match="CUSTOM authorization"):
        v1.put_method(**where, authorizationType="CUSTOM", authorizerId="a")
    v1.put_method(**where, authorizationType="NONE")
    with pytest.raises(v1.exceptions.BadRequestException, match="no integration of type HTTP"):
        v1.put_integration(**where, type="HTTP", integrationHttpMethod="GET", uri=ORIGIN)


def test_a_function_url_answers_pages_of_the_origins_that_it_names(apis: Apis) -> None:
    cors = {"AllowOrigins": ["https://*.example.com"], "AllowMethods": ["GET"], "AllowCredentials": True}
    config = apis.client.create_function_url_config(FunctionName=NAME, AuthType="NONE", Cors=cors)
    assert config["Cors"]["AllowOrigins"] == ["https://*.example.com"]
    for sid, action, extra in (
        ("url", "lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("function", "lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        apis.client.add_permission(FunctionName=NAME, StatementId=sid, Action=action, Principal="*", **extra)
    page = "https://a.example.com"
    response = apis.ask(config["FunctionUrl"], Origin=page)
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (201, page)
    assert apis.ask(config["FunctionUrl"], Origin="https://example.org").status == 403
    asked = apis.ask(config["FunctionUrl"], "OPTIONS", Origin=page, Access_Control_Request_Method="GET")
    assert asked.headers["Access-Control-Allow-Credentials"] == "true"


def test_an_integration_that_takes_too_long_is_not_waited_for(apis: Apis) -> None:
    api, address = apis.http_api("$default")
    apis.allow(api)
    (integration,) = apis.v2.get_integrations(ApiId=api)["Items"]
    key = {"ApiId": api, "IntegrationId": integration["IntegrationId"]}
    with pytest.raises(apis.v2.exceptions.BadRequestException, match="between 50 ms and 30000 ms"):
        apis.v2.update_integration(**key, TimeoutInMillis=30_001)
    assert apis.ask(f"{address}/warm").status == 201
    apis.v2.update_integration(**key, TimeoutInMillis=200)
    late = apis.ask(f"{address}/slow/http")
    assert (late.status, late.json()) == (503, {"message": "Service Unavailable"})
    apis.v2.update_integration(**key, TimeoutInMillis=30_000)
    assert apis.ask(f"{address}/slow/http").status == 201
    eventually(lambda: apis.stage.log_lines(f"/aws/lambda/{NAME}").count("ended /slow/http") == 2)  # both


def test_an_api_for_one_function_is_made_by_one_call(apis: Apis) -> None:
    api = apis.v2.create_api(Name="quick", ProtocolType="HTTP", Target=f"{FUNCTION}:live")
    apis.allow(api["ApiId"], "live")
    response = apis.ask(f"{api['ApiEndpoint']}/any")
    assert response.headers["X-Invoked"] == f"{FUNCTION}:live"  # not the version that it leads to
    event = response.json()
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    with pytest.raises(apis.v2.exceptions.BadRequestException, match="no integration with https"):
        apis.v2.create_api(Name="proxy", ProtocolType="HTTP", Target="https://example.com")
