#!/bin/sh
# Takes the files of others that stand in this repository out of their wheels again, as requirements-vendored.txt pins
# those; `git diff` then says whether they are what they were.
set -eu

wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
.venv/bin/python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: \
    --require-hashes --requirement local/setup/requirements-vendored.txt --dest "$wheels"
.venv/bin/python -m zipfile --extract "$wheels"/lightweight_charts-*.whl "$wheels"
cp "$wheels/lightweight_charts/js/lightweight-charts.js" functions/serve_desk/page/
