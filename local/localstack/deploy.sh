#!/bin/sh
# Brings compose.yaml up with a LocalStack that runs functions, deploys the built template there, and starts the event
# source that invokes them. `make localstack` calls it.
set -eu
cd "$(dirname "$0")/../.."

export COMPOSE_PROJECT_NAME="${COMPOSE_PROJECT_NAME:-orderflow-localstack}" LOCALSTACK_PORT="${LOCALSTACK_PORT:-4566}"
export AWS_ENDPOINT_URL="http://127.0.0.1:$LOCALSTACK_PORT" AWS_DEFAULT_REGION=eu-central-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_REGION
case ${DOCKER_HOST-} in unix://*) export DOCKER_SOCKET="${DOCKER_HOST#unix://}" ;; esac
stack=orderflow built=.aws-sam/localstack

compose() {
    docker compose --file local/compose.yaml --file local/localstack/lambda.compose.yaml "$@"
}

compose up --wait redis postgres localstack migration gateway

# LocalStack's free edition keeps layers but gives them to no function, so each function gets the layer's files.
rm -rf "$built"
cp -R .aws-sam/build "$built"
for function in "$built"/*/functions; do
    cp -R "$built"/OrderflowLayer/python/. "$(dirname "$function")"
done

secret=$(.venv/bin/python -m local.localstack.stack secret orderflow/database)
connections_secret=$(.venv/bin/python -m local.localstack.stack setting /orderflow/compose/CONNECTIONS_SECRET)
# In a file: any user of this machine reads command lines.
(
    umask 077
    cat >"$built/samconfig.toml" <<TOML
version = 0.1
[default.deploy.parameters]
parameter_overrides = [
    "WithGateways=false",
    "WithAlarms=false",
    "RedisUrl=redis://redis:6379/0",
    "DatabaseUrl=postgresql://postgres:5432/orderflow",
    "DatabaseSecretArn=$secret",
    "ConnectionsEndpoint=http://gateway:3003",
    "ConnectionsSecret=$connections_secret",
    "Partitions=2",
    "Speed=${SPEED:-1}",
    "LaunchEverySlots=${LAUNCH_EVERY_SLOTS:-0}",
]
TOML
)
sh local/sam.sh deploy --template-file "$built/template.yaml" --stack-name "$stack" --resolve-s3 \
    --capabilities CAPABILITY_IAM --no-confirm-changeset --no-fail-on-empty-changeset --no-progressbar \
    --config-file "$(pwd)/$built/samconfig.toml"

EVENT_SOURCES=$(.venv/bin/python -m local.localstack.stack bindings "$stack")
export EVENT_SOURCES
compose up --wait
echo
echo "Orderflow's stages run in LocalStack, its gateway at http://127.0.0.1:${PORT:-3000}, until:"
echo "  docker compose --project-name $COMPOSE_PROJECT_NAME down"
