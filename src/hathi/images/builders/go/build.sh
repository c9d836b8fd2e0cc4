#!/bin/sh
# Builds Go code: the main package in /pfs/source becomes the program /pfs/out/main.
set -e

here=$(pwd)
command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
if ! command -v go > /dev/null; then
    echo "no go in PATH=$PATH" >&2
    exit 1
fi
go version

# Neither a home folder nor a place for caches is certain here.
scratch=$(mktemp -d)
export GOCACHE="${GOCACHE:-$scratch/cache}" GOPATH="${GOPATH:-$scratch/path}" GOFLAGS="${GOFLAGS:--buildvcs=false}"

cd /pfs/source
if [ ! -f go.mod ]; then
    go mod init main 2> "$scratch/init" || { cat "$scratch/init" >&2; exit 1; }  # what it advises is for people
fi
go build -o /pfs/out/main .

cp "$here/run.sh" /pfs/out/run.sh
