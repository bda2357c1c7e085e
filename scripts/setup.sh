#!/usr/bin/env bash
# Installs what the build needs and is missing (Debian packages), then builds the two native libraries:
# the libtorch shim of stand-ins/TorchSharp and the image codecs of Core.CSharp. Run again, it does nothing.
#   LIBTORCH=/path   use that libtorch (an official archive, CPU or CUDA, or the torch folder of an installed PyTorch)
#                    instead of Debian's libtorch-dev 1.13
#   REPRO_NO_BROWSER=1  leave out chromium and plotly.js; reports then have no charts
# No root is needed when nothing is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'setup: %s\n' "$*" >&2; }

packages=(cmake g++ make libopenblas0-pthread libpng-dev libturbojpeg0-dev libsvm-dev)
[ -n "${LIBTORCH:-}" ] || packages+=(libtorch-dev)
if [ -z "${REPRO_NO_BROWSER:-}" ]; then
    packages+=(chromium)
    command -v npm >/dev/null || packages+=(npm)
fi
packages+=(dataset-fashion-mnist)

missing=()
for package in "${packages[@]}"; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
        "install ok installed") ;;
        *) missing+=("$package") ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    say "installing ${missing[*]} (with what they need at most 1.6 GB, some minutes)"
    sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "these Debian packages are missing: ${missing[*]}; install them as root and run this again"; exit 1; }
        sudo=(sudo)
    fi
    log=$(mktemp)
    # apt's own figures, every tenth of the way: minutes without a word look like a hang.
    progress() {
        local kind percent said= now
        while IFS=: read -r kind _ percent _; do
            case $kind in
                dlstatus) kind=downloaded ;;
                pmstatus) kind=installed ;;
                *) continue ;;
            esac
            percent=${percent%.*}
            now="$kind $((percent / 10 * 10)) %"
            [ "$now" = "$said" ] || say "$now"
            said=$now
        done
    }
    # The figures have a pipe of their own: where they shared standard output, scripts of packages failed with "printf: I/O error".
    install='export DEBIAN_FRONTEND=noninteractive; { apt-get update && apt-get install -y --no-install-recommends -o APT::Status-Fd=3 "$@"; } 3>&1 1>&2'
    if ! "${sudo[@]}" sh -c "$install" sh "${missing[@]}" 2>"$log" | progress; then
        tail -n 20 "$log" >&2
        say "apt-get could not install ${missing[*]}; the log is $log"
        exit 1
    fi
    rm -f "$log"
fi

command -v dotnet >/dev/null || { say "the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers"; exit 1; }

# native SOURCE_DIR LIBRARY: builds when the library is missing, older than a source, or was built against another libtorch.
native() {
    local source=$1 library=$1/build/$2 stamp=$1/build/.libtorch
    if [ -f "$library" ] && [ "$(cat "$stamp" 2>/dev/null)" = "${LIBTORCH:-system}" ] &&
        [ -z "$(find "$source" -path "$source/build" -prune -o -type f -newer "$library" -print -quit)" ]; then
        return
    fi
    say "building $2"
    local log
    log=$(mktemp)
    if ! { cmake -S "$source" -B "$source/build" -DCMAKE_BUILD_TYPE=Release ${LIBTORCH:+-DLIBTORCH="$LIBTORCH"} &&
        cmake --build "$source/build" --parallel "$(nproc)"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        say "building $2 failed; the log is $log"
        exit 1
    fi
    rm -f "$log"
    printf '%s' "${LIBTORCH:-system}" >"$stamp"
    touch "$library"
}
native "$root/stand-ins/TorchSharp/native" libLibTorchSharp.so
native "$root/Core.CSharp/native" libreproduction_native.so

# plotly.js for the report's charts; a report made without it has still pictures only.
plotly=plotly.js-dist-min@2.35.3
if [ -z "${REPRO_NO_BROWSER:-}" ] && [ ! -f "$root/build/plotly.min.js" ]; then
    say "fetching $plotly"
    mkdir -p "$root/build"
    scratch=$(mktemp -d)
    if npm pack --silent --pack-destination "$scratch" "$plotly" >/dev/null 2>&1; then
        tar -xzf "$scratch"/*.tgz -C "$scratch" package/plotly.min.js
        mv "$scratch/package/plotly.min.js" "$root/build/plotly.min.js"
    else
        say "npm could not fetch $plotly: reports will have no charts; run this again with a network"
    fi
    rm -rf "$scratch"
fi
