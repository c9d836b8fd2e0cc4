#!/bin/sh
# Runs Python code: /pfs/source/main.py, with the wheels of /pfs/build installed beside it.
#
# They are installed without a look at any index, into a folder that outlives the datum: the one that the image names, or
# /var/tmp, which unlike /tmp is not emptied in between in a container. Other builds may have left theirs there: each is named by the
# contents of its wheels.
set -e

python=$(command -v python3 || command -v python || true)
if [ -z "$python" ]; then
    echo "no python3 in PATH=$PATH" >&2
    exit 1
fi

if [ -f /pfs/build/wheels.key ]; then
    cache=${BUILDER_CACHE:-/var/tmp}
    [ -w "$cache" ] || cache=${TMPDIR:-/tmp}
    site=$cache/site-$(cut -c 1-16 /pfs/build/wheels.key)
    if [ ! -d "$site" ]; then
        work=$(mktemp -d "$site.XXXXXX")
        mkdir "$work/odd" "$work/site"
        if [ -f /pfs/build/wheels.tar ]; then
            "$python" -m tarfile -e /pfs/build/wheels.tar "$work/odd"
        fi
        find -L /pfs/build "$work/odd" -name '*.whl' > "$work/wheels.txt"
        if [ -s "$work/wheels.txt" ]; then
            "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-warn-script-location \
                --root-user-action ignore --target "$work/site" -r "$work/wheels.txt"
        fi
        mv -T "$work/site" "$site" 2>/dev/null || [ -d "$site" ]
        rm -rf "$work"
    fi
    export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}"
fi

cd /pfs/source
exec "$python" main.py "$@"
