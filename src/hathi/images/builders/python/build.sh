#!/bin/sh
# Builds Python code: the packages that /pfs/source/requirements.txt asks for become wheels in /pfs/out.
#
# Wheels of the build before, in /pfs/previous, are taken over when they follow from the same requirements under the
# same Python. Requirements that hold options or name files may follow from more than that, so they are built anew.
set -e

here=$(pwd)
python=$(command -v python3 || command -v python || true)
if [ -z "$python" ]; then
    echo "no python3 in PATH=$PATH" >&2
    exit 1
fi
"$python" --version
"$python" -m pip --version

out=/pfs/out
old=/pfs/previous
cd /pfs/source

if [ -f requirements.txt ]; then
    key=$({ "$python" -VV; uname -m; cat requirements.txt; } | sha256sum | cut -d ' ' -f 1)
    if grep -Eq '^[[:space:]]*[-./]|file:' requirements.txt; then
        key="$key, and files"
    fi
    if [ "$key" = "$(cat "$old/requirements.key" 2>/dev/null)" ] && [ "${key%files}" = "$key" ]; then
        echo "requirements.txt is as it was: the wheels of the build before are taken over"
        find -L "$old" -maxdepth 1 -name 'wheels.tar' -exec cp {} "$out" \; -o -name '*.whl' -exec cp {} "$out" \;
    else
        wheels=$(mktemp -d)
        odd=$(mktemp -d)
        "$python" -m pip wheel --disable-pip-version-check -r requirements.txt -w "$wheels"
        for wheel in "$wheels"/*.whl; do
            case ${wheel##*/} in
                '*.whl') ;;
                *[!A-Za-z0-9._-]*) mv "$wheel" "$odd" ;;
                *) mv "$wheel" "$out" ;;
            esac
        done
        # A name such as torch-2.1.0+cpu cannot stand in a repo, so such wheels travel together in one file.
        if [ -n "$(ls "$odd")" ]; then
            (cd "$odd" && "$python" -m tarfile -c "$out/wheels.tar" ./*)
        fi
    fi
    echo "$key" > "$out/requirements.key"
    # Wheels of one name may differ in what they hold, so what is installed is known by all of it.
    (cd "$out" && for file in *.whl wheels.tar; do
        [ ! -f "$file" ] || sha256sum "$file"
    done) | sha256sum | cut -d ' ' -f 1 > "$out/wheels.key"
fi

cp "$here/run.sh" "$out/run.sh"
