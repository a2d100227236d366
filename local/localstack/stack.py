"""Prints what an event source needs from LocalStack: `python -m local.localstack.stack WHAT NAME`.

WHAT is `secret` (its ARN), `setting` (a parameter's value) or `bindings` (those of the stack of that name).
"""

import sys
from typing import Any

import boto3
import msgspec

from local.settings import ROOT
from local.template import Template, read_template


def secret_arn(name: str) -> str:
    """Return the ARN of a secret."""
    return str(boto3.client("secretsmanager").describe_secret(SecretId=name)["ARN"])


def setting(name: str) -> str:
    """Return the value of a parameter."""
    return str(boto3.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def bindings(template: Template, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return the template's stream bindings as `EVENT_SOURCES` has them, each with its function's name in `names`."""
    return [
        {"lambda": names[function.logical_id], **msgspec.to_builtins(function.event_source)}
        for function in template.functions
        if function.event_source
    ]


def names_in_stack(stack: str) -> dict[str, str]:
    """Return the names that a deployment gave to its resources, by their logical ids."""
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in resources}


def main(wanted: str, name: str) -> None:
    """Print the secret, the setting or the bindings of `name`."""
    if wanted == "secret":
        print(secret_arn(name))
    elif wanted == "setting":
        print(setting(name))
    else:
        print(msgspec.json.encode(bindings(read_template(ROOT / "template.yaml"), names_in_stack(name))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
