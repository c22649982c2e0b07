#!/bin/sh
# Regenerates *.pb.go with the plugins that go.mod pins; needs protoc.
set -e
cd "$(dirname "$0")/../.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN=$tools go install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
PATH=$tools:$PATH protoc --go_out=. --go_opt=module=trunkline \
	--go-grpc_out=. --go-grpc_opt=module=trunkline linecard/api/linecard.proto
