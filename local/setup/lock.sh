#!/bin/sh
# Writes the lock files from pyproject.toml's dependency groups: every version, and a hash of each file that pip may
# install. Versions that are locked already stay, unless --upgrade is given.
set -eu

compile() { # LOCK_FILE ARGUMENT…
    lock=$1
    shift
    .venv-lock/bin/uv pip compile --quiet --generate-hashes --custom-compile-command "make lock" \
        --output-file "$lock" "$@"
}

anywhere="--universal --python-version 3.11"
on_lambda="--python-platform x86_64-unknown-linux-gnu --python-version 3.13"

compile local/setup/requirements.txt $anywhere --group run "$@"
# The same versions everywhere: what runs here is what is tested and shipped.
same="--constraint local/setup/requirements.txt"
compile tests/requirements.txt $anywhere $same --group test "$@"
compile layers/orderflow/requirements.txt $on_lambda $same --group layer "$@"
compile layers/traces/requirements.txt $on_lambda $same --group traces "$@"
compile functions/accept_order/requirements.txt $on_lambda $same --group api "$@"
compile functions/change_orders/requirements.txt $on_lambda $same --group api "$@"
compile functions/issue_ticket/requirements.txt $on_lambda $same --group api "$@"
compile functions/read_orders/requirements.txt $on_lambda $same --group docs "$@"
compile functions/serve_desk/requirements.txt $on_lambda $same --group api "$@"
compile functions/tend_dead_letters/requirements.txt $on_lambda $same --group api "$@"
compile functions/watch_order/requirements.txt $on_lambda $same --group api "$@"
compile local/setup/requirements-event-source.txt $on_lambda $same --group event-source "$@"
compile local/setup/requirements-image.txt $on_lambda $same --group image "$@"
compile tests/requirements-lambda.txt $on_lambda $same --group lambda-image "$@"
compile tests/requirements-sam.txt $anywhere --group sam "$@"
compile tests/requirements-localstack.txt $on_lambda --no-deps tests/requirements-localstack.in
compile local/setup/requirements-lock.txt $anywhere --group lock "$@"
compile tests/requirements-mutants.txt $anywhere --group mutants "$@"
compile local/setup/requirements-vendored.txt $anywhere --no-deps --group vendored
