"""LocalStack runs this at each start: it stores the database's login and the settings, which a stop loses.

Both come from its own environment: SECRET_ID, SECRET_USERNAME and SECRET_PASSWORD make a secret as RDS would, and each
SETTING_name a parameter below SETTINGS_PATH. The secret of the gateway's management API is made here, once for a
volume: a program that is started again after LocalStack must find the secret that the others have.
"""

import json
import os
from pathlib import Path
from secrets import token_urlsafe

import boto3

CONNECTIONS_SECRET = Path("/var/lib/localstack/orderflow-connections-secret")
ENDPOINT = "http://127.0.0.1:4566"
PREFIX = "SETTING_"

login = {"username": os.environ["SECRET_USERNAME"], "password": os.environ["SECRET_PASSWORD"]}
secrets = boto3.client("secretsmanager", endpoint_url=ENDPOINT)
secrets.create_secret(Name=os.environ["SECRET_ID"], SecretString=json.dumps(login))

parameters = boto3.client("ssm", endpoint_url=ENDPOINT)
for variable, value in os.environ.items():
    if variable.startswith(PREFIX) and value:
        name = f"{os.environ['SETTINGS_PATH']}/{variable.removeprefix(PREFIX)}"
        parameters.put_parameter(Name=name, Value=value, Type="String")

if not CONNECTIONS_SECRET.exists():
    CONNECTIONS_SECRET.touch(mode=0o600)
    CONNECTIONS_SECRET.write_text(token_urlsafe(32), encoding="ascii")
name = f"{os.environ['SETTINGS_PATH']}/CONNECTIONS_SECRET"
parameters.put_parameter(Name=name, Value=CONNECTIONS_SECRET.read_text(encoding="ascii"), Type="String")
