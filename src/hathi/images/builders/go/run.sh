#!/bin/sh
# Runs the program that was built. Repos keep no permissions, so it is made executable first.
set -e

cd /pfs/build
chmod +x main
exec ./main "$@"
