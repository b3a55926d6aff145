#!/bin/sh
# Publishes every package, then installs one as a stranger would: in an empty folder, from the registry alone.
set -eu
cd "$(dirname "$0")"
npm publish --workspaces --silent

project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cd "$project"
npm init --yes > /dev/null
npm install --silent --cache "$project/cache" @example/cli
npx example stranger
