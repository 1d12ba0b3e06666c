#!/usr/bin/env bash
# Sourced by the other scripts: finds or installs what building needs, and builds what is missing.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "tandem: $*" >&2; }
die() { say "$*"; exit 2; }

# OpenMP threads that spin while waiting cost seconds on shared cores.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-0}

# install_packages NAME...: Debian packages that are not there yet.
install_packages() {
  local missing=()
  for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null ||
    die "needs ${missing[*]} and finds no apt-get; install what corresponds to them and run again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "needs the packages ${missing[*]}: run 'apt-get install ${missing[*]}' as root, then again"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

java_major() {
  "$1" -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p'
}

# find_java: sets JAVA to one of at least version 17.
find_java() {
  JAVA=${JAVA_HOME:+$JAVA_HOME/bin/java}
  JAVA=${JAVA:-$(command -v java || true)}
  local major=0
  [ -n "$JAVA" ] && [ -x "$JAVA" ] && major=$(java_major "$JAVA")
  [ "${major:-0}" -ge 17 ]
}

# jvm_options: sets OPTIONS to what every JVM of Tandem is started with.
jvm_options() {
  OPTIONS=(-Djava.awt.headless=true -Dfile.encoding=UTF-8
    # Memory-mapped tables count as resident; JavaCPP would take them for a leak.
    -Dorg.bytedeco.javacpp.maxphysicalbytes=0)
  # Random rows of large tables: fewer misses in the page table.
  if grep -qsE '\[(always|madvise)\]' /sys/kernel/mm/transparent_hugepage/enabled; then
    OPTIONS+=(-XX:+UseTransparentHugePages)
  fi
  if [ "$(java_major "$JAVA")" -ge 24 ]; then
    OPTIONS+=(--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow)
  fi
}

set_up_build() {
  if ! find_java || [ ! -x "$(dirname "$(readlink -f "$JAVA")")/javac" ]; then
    [ -z "${JAVA_HOME:-}" ] || die "JAVA_HOME is $JAVA_HOME: expected a JDK of version 17 or newer"
    if apt-cache show openjdk-17-jdk-headless >/dev/null 2>&1; then
      install_packages openjdk-17-jdk-headless
    else
      install_packages default-jdk-headless
    fi
    find_java || die "expected Java 17 or newer, found $("${JAVA:-java}" -version 2>&1 | head -n 1)"
  fi
  command -v mvn >/dev/null || install_packages maven
  # Plots draw text.
  if ! command -v fc-list >/dev/null || [ -z "$(fc-list)" ]; then
    install_packages fontconfig fonts-dejavu-core
  fi
}

maven() {
  (cd "$ROOT" && mvn -B --no-transfer-progress "$@")
}

# build: the packaged engine under src/target, remade when a source is newer.
build() {
  local jar=$ROOT/src/target/tandem.jar
  if [ -f "$jar" ] && [ -z "$(find "$ROOT/pom.xml" "$ROOT/src/pom.xml" "$ROOT/src/main" \
      "$ROOT/native/pom.xml" "$ROOT/native/src/main" "$ROOT/native/build-faiss.sh" \
      -newer "$jar" -print -quit)" ]; then
    return 0
  fi
  set_up_build
  say "building (the first time fetches dependencies and compiles FAISS: a few minutes)"
  local log=$ROOT/.tandem/build.log
  mkdir -p "$ROOT/.tandem"
  maven -q package -DskipTests -pl src -am >"$log" 2>&1 || { cat "$log" >&2; die "the build failed; see above"; }
}
