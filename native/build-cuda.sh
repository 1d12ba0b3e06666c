#!/usr/bin/env bash
# Builds Tandem's CUDA kernels (native/cuda) into one file for every NVIDIA GPU that the compiler knows.
#
#   native/build-cuda.sh [--link FILE] [--emulator FILE] [--arch "75 90"]
#
# --link FILE       the kernels, if nvcc is found; otherwise says so once and leaves FILE away
# --emulator FILE   the kernels and a stand-in for the driver, compiled for this processor: for tests, needs only g++
# --arch LIST       compute capabilities instead of all; CUDA_ARCH says the same to a whole build
#
# nvcc is looked for in NVCC, PATH, CUDA_HOME and /usr/local/cuda. Where there is none and CUDA_FROM_PIP=1, it is taken
# from NVIDIA's packages for pip (about 100 MB) into the cache. Results are cached by sources, compiler and architectures
# in $TANDEM_CACHE/kernels (default ~/.cache/tandem).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TANDEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tandem}/kernels
link= emulator= wanted=${CUDA_ARCH:-}

say() { printf '%s\n' "cuda: $*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source=native/cuda-toolkit.sh
source "$here/cuda-toolkit.sh"

while [ $# -gt 0 ]; do
  case $1 in
    --link) link=${2:?--link needs a file}; shift 2 ;;
    --emulator) emulator=${2:?--emulator needs a file}; shift 2 ;;
    --arch) wanted=${2:?--arch needs a list}; shift 2 ;;
    -h|--help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    *) die "unknown argument $1; --help lists them" ;;
  esac
done

# hash_of GLOB WORD...: of the sources with such names, this script and the words
hash_of() {
  { find "$here/cuda" -type f -name "$1" | sort | xargs cat; cat "$here/build-cuda.sh"; printf '%s\n' "$@"; } | sha256sum | cut -c1-16
}

# put FILE TARGET: replaces the target by one rename.
put() {
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new" && mv "$2.new" "$2"
}

if [ -n "$emulator" ]; then
  compiler=${CXX:-g++}
  command -v "$compiler" >/dev/null || die "the emulator needs $compiler"
  made=$cache/emulator-$(hash_of '*' "$("$compiler" -dumpfullversion)" "$(uname -m)").so
  if [ ! -f "$made" ]; then
    mkdir -p "$cache"
    work=$(mktemp "$cache/.making-XXXXXX")
    "$compiler" -std=c++17 -O2 -fPIC -shared -DTANDEM_EMULATED -Wall -Wno-unknown-pragmas -Wno-unused-function \
      -o "$work" "$here/cuda/emulator/driver.cpp" || { rm -f "$work"; die "the emulator does not compile"; }
    chmod 644 "$work" && mv "$work" "$made"
  fi
  put "$made" "$emulator"
  echo "$made"
fi

[ -n "$link" ] || [ -z "$emulator" ] || exit 0

if ! find_nvcc; then
  say "no nvcc (NVCC, PATH, CUDA_HOME, /usr/local/cuda): built without CUDA kernels; training runs on the CPU.
CUDA_FROM_PIP=1 takes the compiler from NVIDIA's packages for pip"
  [ -n "$link" ] && rm -f "$link"
  exit 0
fi
version=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
known=$("$nvcc" --list-gpu-arch | sed -n 's/^compute_\([0-9]*\)$/\1/p')
targets=
for arch in ${wanted:-70 75 80 86 89 90 100 120}; do
  grep -qx "$arch" <<<"$known" && targets="$targets $arch"
done
[ -n "$targets" ] || die "nvcc $version knows none of the architectures asked for"
newest=${targets##* }
made=$cache/kernels-$(hash_of '*.cu*' "$version" "$targets").fatbin
if [ ! -f "$made" ]; then
  mkdir -p "$cache"
  say "compiling the kernels with nvcc $version for$(printf ' sm_%s' $targets) and PTX"
  options=()
  for arch in $targets; do
    # Products of warpgroups are 9.0's alone, and are asked for by the a.
    [ "$arch" != 90 ] || arch=90a
    options+=(-gencode "arch=compute_$arch,code=sm_$arch")
  done
  options+=(-gencode "arch=compute_$newest,code=compute_$newest")
  work=$(mktemp -d "$cache/.making-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Tables of a jar are compressed already; an older driver could not read the newest kind of compression.
  "$nvcc" -std=c++17 -O3 --ftz=true --fatbin --no-compress --threads 0 "${options[@]}" -o "$work/kernels.fatbin" "$here/cuda/tandem.cu" >&2 ||
    die "the kernels do not compile"
  mv "$work/kernels.fatbin" "$made"
fi
[ -z "$link" ] || put "$made" "$link"
echo "$made"
