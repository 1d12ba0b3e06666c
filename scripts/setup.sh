#!/usr/bin/env bash
# Sourced by the other scripts: finds or installs what building needs, and builds what is missing.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "tandem: $*" >&2; }
die() { say "$*"; exit 2; }

# OpenMP threads that spin while waiting cost seconds on shared cores.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-0}

# blas_kernels [CPUINFO]: names OpenBLAS's kernels where it would not find them. ND4J's OpenBLAS is of 2020; on processors
# that it does not know, such as Intel's since Ice Lake, it computes as on one without AVX, at a quarter of the rate.
blas_kernels() {
  local vendor family model avx2
  read -r vendor family model avx2 < <(awk -F'[ \t]*: ?' '
    $1 == "vendor_id" { vendor = $2 } $1 == "cpu family" { family = $2 } $1 == "model" { model = $2 }
    $1 == "flags" { print vendor, family, model, $2 ~ /(^| )avx2( |$)/; exit }' "${1:-/proc/cpuinfo}" 2>/dev/null) || return 0
  [ "$avx2" = 1 ] || return 0
  case $vendor-$family in
    GenuineIntel-6) [[ " 60 61 63 69 70 71 78 79 85 86 94 102 126 142 158 165 166 " == *" $model "* ]] && return ;;
    AuthenticAMD-2[0-5] | HygonGenuine-24) return ;;
  esac
  export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell}
}
blas_kernels

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
  # FAISS for GPUs, where native/build-faiss-gpu.sh built it; TANDEM_JAVA_OPTS may say otherwise.
  local gpu_faiss=${TANDEM_CACHE:-$HOME/.cache/tandem}/faiss-gpu/libtandem-faiss-gpu.so
  if [ -f "$gpu_faiss" ]; then
    OPTIONS+=("-Dtandem.faiss.gpu=$gpu_faiss")
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

# is_current FILE: whether a result is newer than all that goes into the engine.
is_current() {
  [ -f "$1" ] && [ -z "$(find "$ROOT/pom.xml" "$ROOT/src/pom.xml" "$ROOT/src/main" \
    "$ROOT/native/pom.xml" "$ROOT/native/src/main" "$ROOT/native/build-faiss.sh" \
    -newer "$1" -print -quit)" ]
}

# package ARGUMENT...: builds what Maven's arguments say, quietly unless it fails.
package() {
  local log=$ROOT/.tandem/build.log
  mkdir -p "$ROOT/.tandem"
  maven -q package -DskipTests "$@" >"$log" 2>&1 || { cat "$log" >&2; die "the build failed; see above"; }
}

# build: the packaged engine and its libraries under src/target, remade when a source is newer.
build() {
  [ -d "$ROOT/src/target/lib" ] && is_current "$ROOT/src/target/tandem.jar" && return
  set_up_build
  say "building (the first time fetches dependencies and compiles FAISS: a few minutes)"
  package -pl src -am
}

# cuda_library_folder: a folder with CUDA 11.8's libraries on this machine; nothing where there is none.
cuda_library_folder() {
  local folder
  for folder in ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }} /usr/local/cuda-11.8/lib64 /usr/local/cuda/lib64; do
    if [ -f "$folder/libcublas.so.11" ] && [ -f "$folder/libcusolver.so.11" ]; then
      echo "$folder"
      return
    fi
  done
}

# build_cuda: the engine, and in src/target/cuda.classpath what runs it on a GPU.
build_cuda() {
  local profiles=cuda redist=without
  if [ -z "$(cuda_library_folder)" ]; then
    profiles=cuda,cuda-redist redist=with
  fi
  is_current "$ROOT/src/target/tandem.jar" && is_current "$ROOT/src/target/cuda.classpath" &&
    [ "$(cat "$ROOT/src/target/cuda.libraries" 2>/dev/null)" = "$redist" ] && return
  set_up_build
  say "building for CUDA (the first time fetches ND4J's CUDA back end, 0.6 GB$(
    [ $redist = without ] || echo ", and CUDA's libraries, 2 GB"))"
  package -pl src -am "-P$profiles"
  echo $redist >"$ROOT/src/target/cuda.libraries"
}

# cuda_jar: the back end's jar with its native library.
cuda_jar() {
  tr : '\n' <"$ROOT/src/target/cuda.classpath" | grep -E '/nd4j-cuda-[0-9.]+-[0-9][^/]*-linux-x86_64\.jar$'
}

# cuda_class_path: sets CLASS_PATH to the engine over ND4J's CUDA back end, and what it needs from the environment.
# GPU code that retarget-cuda.sh assembled for the GPU at hand stands first.
cuda_class_path() {
  local arch jar code
  CLASS_PATH=$ROOT/src/target/tandem.jar:$(cat "$ROOT/src/target/cuda.classpath")
  arch=${TANDEM_CUDA_ARCH:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
    sed -nE '1s/^([0-9]+)\.([0-9])$/sm_\1\2/p' || true)}
  jar=$(cuda_jar)
  code=${TANDEM_CACHE:-$HOME/.cache/tandem}/cuda/$(basename "$jar" .jar)-${arch:-none}
  if grep -qsx "jarSize=$(stat -c %s "$jar")" "$code/retargeted.properties"; then
    CLASS_PATH=$(readlink -f "$code"):$CLASS_PATH
  fi
  # Without it the driver translates the back end's code, which its cache must be able to hold.
  export CUDA_CACHE_MAXSIZE=${CUDA_CACHE_MAXSIZE:-4294967296}
  local folder
  folder=$(cuda_library_folder)
  [ -z "$folder" ] || export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}
