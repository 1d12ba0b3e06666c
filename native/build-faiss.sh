#!/bin/bash
# Provides FAISS as a static, position-independent library with its headers, and prints the folder that holds them:
#   lib/libfaiss.a  include/faiss/*.h  compiler-options (for users of the headers)
#   build.properties (what it was built from, and with)  LICENSE (of FAISS, which whoever passes the library on must add)
# The folder lives in a cache outside the build tree, named by a hash of everything that went in, so a second call returns
# at once. BLAS is not needed here: a static library leaves it open, and the JNI library binds it to ND4J's OpenBLAS.
#
# usage: native/build-faiss.sh [--link DIR]    also links them into DIR
#        native/build-faiss.sh --tree DIR      only puts FAISS's source into DIR, which must not exist
#
#   FAISS_SOURCE_DIR  a FAISS source tree of the user's own; otherwise the distribution's packages are asked
#   FAISS_SOURCE      auto (default: package, else library) | package (its source package, compiled here)
#                     | library (its compiled static library: SSE2 only, several times slower)
#   FAISS_OPT_LEVEL   avx2 (default; what FAISS itself calls the level) | generic
#   FAISS_VERSION     the version that the binding is made for
#   FAISS_JOBS        compilers to run at once (default: all cores; each takes up to 0.5 GB)
#   TANDEM_CACHE      where results are kept (default: ~/.cache/tandem)
#   CXX, CXXFLAGS     the compiler (default: g++) and flags to add
set -euo pipefail

version=${FAISS_VERSION:-1.7.3}
level=${FAISS_OPT_LEVEL:-avx2}
source=${FAISS_SOURCE:-auto}
jobs=${FAISS_JOBS:-$(nproc)}
cache=${TANDEM_CACHE:-$HOME/.cache/tandem}/faiss
cxx=${CXX:-g++}
link=
wanted_tree=

say() { echo "build-faiss: $*" >&2; }
die() { say "$*"; exit 1; }

while (($#)); do
  case $1 in
    --link) link=${2:?--link needs a folder}; shift 2 ;;
    --tree) wanted_tree=${2:?--tree needs a folder}; shift 2 ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
  esac
done

case $level in
  avx2) level_flags="-mavx2 -mfma -mf16c -mpopcnt" ;;
  generic) level_flags= ;;
  *) die "FAISS_OPT_LEVEL: expected avx2 or generic, found '$level'" ;;
esac
case $source in auto | package | library) ;; *) die "FAISS_SOURCE: expected auto, package or library, found '$source'" ;; esac
[ "$(uname -sm)" = "Linux x86_64" ] || die "expected Linux on x86_64, found $(uname -sm)"
[ -z "${FAISS_SOURCE_DIR:-}" ] || [ -f "$FAISS_SOURCE_DIR/faiss/Index.h" ] ||
  die "FAISS_SOURCE_DIR: $FAISS_SOURCE_DIR/faiss/Index.h does not exist"

# install PACKAGE...: through apt, where that is possible.
install() {
  command -v apt-get >/dev/null || die "$* needed; install it and try again"
  [ "$(id -u)" = 0 ] || die "$* needed; install it first: sudo apt-get install $*"
  say "installing $*"
  apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2; }
  apt_install "$@" 2>/dev/null || { apt-get update -qq >&2 && apt_install "$@"; } || die "could not install $*"
}

command -v "$cxx" >/dev/null || install g++
compiler="$(basename "$cxx") $("$cxx" -dumpfullversion -dumpversion)"
# As FAISS's own CMake release build compiles it.
flags="-std=c++11 -O3 -DNDEBUG -DFINTEGER=int -fPIC -fopenmp -w $level_flags ${CXXFLAGS:-}"

# key WORD...: names the result; whatever could change it must be among what is hashed.
key() {
  { cat "$0"; echo "$@" "$version" "$level" "$compiler" "$flags"; } | sha256sum | cut -c1-16
}

# found_version INCLUDE_DIR
found_version() {
  sed -nE 's/^#define FAISS_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)/\2/p' "$1/faiss/Index.h" | paste -sd.
}

# check_version INCLUDE_DIR WHAT
check_version() {
  local found
  found=$(found_version "$1")
  [ "$found" = "$version" ] || { say "expected FAISS $version, found ${found:-no version} in $2"; return 1; }
}

# record OUT_DIR KEY LEVEL SOURCE COMPILER
record() {
  # What includes FAISS's headers must be compiled for the same instructions: they hold code that depends on them.
  [ "$3" = generic ] || echo "$level_flags" >"$1/compiler-options"
  touch "$1/compiler-options"
  printf 'version=%s\noptLevel=%s\nsource=%s\ncompiler=%s\nkey=%s\n' "$version" "$3" "$4" "$5" "$2" >"$1/build.properties"
}

# compile SOURCE_DIR OUT_DIR: all of FAISS but its GPU, Python and C interfaces.
compile() {
  local tree out=$2
  tree=$(cd "$1" && pwd)
  mkdir -p "$out/lib" "$out/include" "$out/objects"
  say "compiling FAISS $version ($level, $jobs at once); this takes a minute or two, once"
  (
    cd "$tree"
    find faiss \( -path faiss/gpu -o -path faiss/python \) -prune -o -name '*.cpp' -printf '%s %p\n' | sort -k1,1nr -k2 | cut -d' ' -f2
  ) >"$out/sources"
  # The prefix map keeps this machine's folders out of FAISS's error messages.
  # shellcheck disable=SC2016,SC2086
  (cd "$tree" && xargs -P "$jobs" -I{} bash -c '
      out=$1 file=$2 cxx=$3; shift 3
      "$cxx" "$@" -I. -ffile-prefix-map="$PWD"/= -c "$file" -o "$out/objects/$(tr / _ <<<"$file").o"' \
    compile "$out" {} "$cxx" $flags <"$out/sources") || return 1
  (cd "$out/objects" && LC_ALL=C ar rcsD ../lib/libfaiss.a ./*.o) || return 1
  cp "$tree/LICENSE" "$out/" || return 1
  (cd "$tree" && find faiss \( -path faiss/gpu -o -path faiss/python \) -prune -o -name '*.h' -print0 |
    xargs -0 cp --parents -t "$out/include") || return 1
  rm -r "$out/objects" "$out/sources"
}

# from_folder OUT_DIR KEY
from_folder() {
  check_version "$FAISS_SOURCE_DIR" "$FAISS_SOURCE_DIR" && compile "$FAISS_SOURCE_DIR" "$1" &&
    record "$1" "$2" "$level" folder "$compiler"
}

# fetch_package WORK: leaves the source in WORK/tree and its version in $found. apt checks the archive's signature and from
# there every checksum, which is why dpkg-source need not. The system's configuration stays as it is: its own entries, read
# as source entries, serve one private set of package lists that is thrown away.
fetch_package() {
  command -v apt-get >/dev/null || { say "no apt-get here, so no source package"; return 1; }
  command -v dpkg-source >/dev/null || install dpkg-dev
  local apt="$1" entry
  mkdir -p "$apt/entries" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/download"
  for entry in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$entry" ] && sed -nE 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$entry" >"$apt/entries/$(basename "$entry" .list).list"
  done
  for entry in /etc/apt/sources.list.d/*.sources; do
    [ -f "$entry" ] && sed -E 's/^Types:.*/Types: deb-src/' "$entry" >"$apt/entries/$(basename "$entry")"
  done
  local options=(-qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$apt/entries" -o "Dir::State::lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)" -o "Acquire::Retries=3" -o "Acquire::Languages=none")
  say "asking the distribution for FAISS's source package"
  apt-get "${options[@]}" update >&2 || say "some package lists could not be read"
  found=$(apt-cache "${options[@]}" --only-source showsrc faiss 2>/dev/null | awk '/^Version:/ {print $2}' |
    grep -E "^([0-9]+:)?${version//./\\.}([-+~]|$)" | sort -V | tail -1) || true
  [ -n "$found" ] || { say "the distribution has no source package of FAISS $version"; return 1; }
  (cd "$apt/download" && apt-get "${options[@]}" --only-source --download-only source "faiss=$found" >&2 &&
    dpkg-source -q --no-check --no-copy -x ./*.dsc "$apt/tree" >&2) || { say "the source package could not be fetched"; return 1; }
  check_version "$apt/tree" "the source package"
}

# from_package OUT_DIR KEY
from_package() {
  fetch_package "$1.apt" && compile "$1.apt/tree" "$1" && record "$1" "$2" "$level" "package $found" "$compiler"
}

# from_library OUT_DIR KEY
from_library() {
  local archive=/usr/lib/x86_64-linux-gnu/libfaiss.a
  [ -f "$archive" ] || (install libfaiss-dev) || return 1
  [ -f "$archive" ] || { say "libfaiss-dev brought no $archive"; return 1; }
  check_version /usr/include "libfaiss-dev" || return 1
  say "WARNING: using the distribution's library. It knows SSE2 only: searches take several times as long as with AVX2.
Every build asks for the source package again; FAISS_SOURCE=library stops that"
  mkdir -p "$1/lib" "$1/include"
  cp "$archive" "$1/lib/" && cp -r /usr/include/faiss "$1/include/" && cp /usr/share/doc/libfaiss-dev/copyright "$1/LICENSE" &&
    record "$1" "$2" generic "library $(dpkg-query -W -f '${Version}' libfaiss-dev)" "the distribution's"
}

# obtain KIND WORD...: leaves the folder's name in $result, made by from_KIND unless it is there already.
obtain() {
  local kind=$1 name work
  name=$(key "$@")
  result=$cache/$name
  [ -f "$result/build.properties" ] && return
  mkdir -p "$cache" || die "cannot write to $cache; TANDEM_CACHE names another place"
  { exec 9>"$cache/.lock"; } || die "cannot write to $cache; TANDEM_CACHE names another place"
  flock 9 # another build may be making the same thing
  [ -f "$result/build.properties" ] && return
  rm -rf "$cache"/.making-* # of a build that was killed
  work=$(mktemp -d "$cache/.making-XXXXXX") || die "cannot write to $cache"
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  "from_$kind" "$work/out" "$name" || { rm -rf "$work"; return 1; }
  rm -rf "$result" && mv -T "$work/out" "$result"
  rm -rf "$work"
  exec 9>&-
  say "built $result"
}

if [ -n "$wanted_tree" ]; then
  [ ! -e "$wanted_tree" ] || die "$wanted_tree exists"
  if [ -n "${FAISS_SOURCE_DIR:-}" ]; then
    check_version "$FAISS_SOURCE_DIR" "$FAISS_SOURCE_DIR" && cp -r "$FAISS_SOURCE_DIR" "$wanted_tree"
  else
    fetch_package "$wanted_tree.apt" && mv "$wanted_tree.apt/tree" "$wanted_tree" && rm -r "$wanted_tree.apt"
  fi || die "FAISS's source could not be had; FAISS_SOURCE_DIR names a tree of your own"
  exit
fi

if [ -n "${FAISS_SOURCE_DIR:-}" ]; then
  tree=$(cd "$FAISS_SOURCE_DIR" && find faiss -type f \( -name '*.h' -o -name '*.cpp' \) -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  obtain folder "$tree" || die "FAISS could not be built from $FAISS_SOURCE_DIR"
elif [ "$source" = library ]; then
  obtain library || die "the distribution's static library (libfaiss-dev $version) could not be had"
elif ! obtain package; then
  [ "$source" = auto ] && obtain library ||
    die "no FAISS $version. Expected one of: a source tree in FAISS_SOURCE_DIR; a distribution whose source package 'faiss' or
static library 'libfaiss-dev' has that version (Debian 12 does), and reach to its packages"
fi

if [ -n "$link" ]; then
  mkdir -p "$link"
  for entry in "$result"/*; do
    ln -sfnT "$entry" "$link/$(basename "$entry")"
  done
fi
echo "$result"
