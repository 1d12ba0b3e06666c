#!/usr/bin/env bash
# Builds FAISS for NVIDIA's GPUs, which training of inverted lists, adding to them and mining of hard negatives then use:
#   $TANDEM_CACHE/faiss-gpu/libtandem-faiss-gpu.so   which scripts/tandem hands to the JVM
# Not part of the build: it takes about an hour of one core for each architecture. A second call goes on where one was
# stopped, and returns at once when nothing changed.
#
# usage: native/build-faiss-gpu.sh [--arch "80 90"] [--stand-in FILE]
#
#   --arch LIST       compute capabilities; by default that of the GPU at hand
#   --stand-in FILE   the same interface with the processor in place of a GPU, for tests; needs no CUDA
#   FAISS_JOBS        compilers to run at once (default: all cores; each takes up to 2 GB)
#   CUDA_FROM_PIP=1   takes CUDA's compiler and cuBLAS (0.5 GB) from NVIDIA's packages for pip
#   FAISS_SOURCE_DIR, FAISS_OPT_LEVEL, CXX, TANDEM_CACHE   as in native/build-faiss.sh
#
# nvcc is looked for in NVCC, PATH, CUDA_HOME and /usr/local/cuda, cuBLAS beside it. At run time the library needs the
# driver and cuBLAS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${TANDEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tandem}
cache=$root/kernels
architectures= stand_in=
cxx=${CXX:-g++}

say() { printf '%s\n' "build-faiss-gpu: $*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source=native/cuda-toolkit.sh
source "$here/cuda-toolkit.sh"

while (($#)); do
  case $1 in
    --arch) architectures=${2:?--arch needs a list}; shift 2 ;;
    --stand-in) stand_in=${2:?--stand-in needs a file}; shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    *) die "unknown argument $1; --help lists them" ;;
  esac
done

faiss=$("$here/build-faiss.sh") || die "FAISS itself could not be built"
property() { sed -n "s/^$1=//p" "$faiss/build.properties"; }
build="$(property version) $(property compiler)"
options=(-O3 -DNDEBUG -DFINTEGER=int -fPIC -fopenmp -w)
read -ra level <"$faiss/compiler-options" || true

# link OUT OBJECT_OR_OPTION...: with FAISS's own code, and with ND4J's OpenBLAS left to the process, which has loaded it.
# Only Tandem's functions are seen from outside.
link() {
  local out=$1 work
  shift
  work=$(mktemp -d "$(dirname "$out")/.linking-XXXXXX")
  nm -u "$faiss/lib/libfaiss.a" | sed -nE 's/^ *U ([sd][a-z0-9]+_)$/void \1(void) {}/p' | sort -u >"$work/blas.c"
  gcc -shared -fPIC -w -Wl,-soname,libopenblas.so.0 -o "$work/libopenblas.so.0" "$work/blas.c"
  echo '{ global: tandem_faiss_gpu_*; local: *; };' >"$work/exported"
  "$cxx" -shared -fopenmp -Wl,-Bsymbolic -Wl,-z,defs -Wl,-z,noexecstack -Wl,--version-script="$work/exported" \
    -o "$work/library.so" "$@" "$faiss/lib/libfaiss.a" -Wl,--no-as-needed "$work/libopenblas.so.0" -Wl,--as-needed \
    -ldl -lpthread -lrt || { rm -rf "$work"; return 1; }
  mv "$work/library.so" "$out"
  rm -rf "$work"
}

if [ -n "$stand_in" ]; then
  mkdir -p "$(dirname "$stand_in")"
  object=$(mktemp "$(dirname "$stand_in")/.stand-in-XXXXXX.o")
  trap 'rm -f "$object"' EXIT
  "$cxx" -std=c++17 "${options[@]}" "${level[@]}" "-DTANDEM_FAISS_BUILD=\"$build\"" -I"$faiss/include" \
    -c "$here/faiss-gpu/stand_in.cpp" -o "$object"
  link "$stand_in" "$object"
  echo "$stand_in"
  exit
fi

find_nvcc || die "no nvcc (NVCC, PATH, CUDA_HOME, /usr/local/cuda); CUDA_FROM_PIP=1 takes it from NVIDIA's packages for pip"
toolkit=$(cd "$(dirname "$(readlink -f "$nvcc")")/.." && pwd)
includes=() libraries=()
for folder in lib64 lib targets/x86_64-linux/lib; do
  [ ! -d "$toolkit/$folder" ] || libraries+=("$toolkit/$folder")
done
if [ ! -f "$toolkit/include/cublas_v2.h" ]; then
  [ "${CUDA_FROM_PIP:-0}" = 1 ] || die "no cuBLAS in $toolkit: install its development files, or set CUDA_FROM_PIP=1"
  from_pip cublas nvidia-cublas nvidia-cuda-profiler-api || die "cuBLAS could not be fetched"
  includes+=("-I$fetched/include")
  libraries+=("$fetched/lib")
fi
cublas=
for folder in "${libraries[@]}"; do
  for file in "$folder"/libcublas.so.*; do
    [[ $file =~ \.so\.[0-9]+$ ]] && cublas=$file
  done
done
[ -n "$cublas" ] || die "no libcublas.so in ${libraries[*]}"

if [ -z "$architectures" ]; then
  architectures=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -u | paste -sd' ' || true)
  [ -n "$architectures" ] || die 'no GPU here: say which with --arch, such as --arch 90'
fi
known=$("$nvcc" --list-gpu-arch | sed -n 's/^compute_\([0-9]*\)$/\1/p')
generate=()
for architecture in $architectures; do
  grep -qx "$architecture" <<<"$known" || die "--arch: nvcc knows $(paste -sd' ' <<<"$known"), found $architecture"
  generate+=(-gencode "arch=compute_$architecture,code=sm_$architecture")
done

key=$({ cat "$0" "$here"/faiss-gpu/*; "$nvcc" --version; echo "$build $(property key) $architectures"; } | sha256sum | cut -c1-16)
folder=$root/faiss-gpu/$key
library=$folder/libtandem-faiss-gpu.so
if [ ! -f "$library" ]; then
  mkdir -p "$folder/objects"
  exec 9>"$folder/lock"
  flock 9
  [ -d "$folder/tree" ] || "$here/build-faiss.sh" --tree "$folder/tree"
  cp "$here"/faiss-gpu/tandem_faiss_gpu.* "$folder/"
  # The largest kernels first. What encodes by random numbers is not used, and needs cuRAND.
  (cd "$folder/tree" && find faiss/gpu -path faiss/gpu/test -prune -o -path faiss/gpu/perf -prune -o \
    \( -name '*.cu' -o -name '*.cpp' \) -print) | grep -v Icm | sort -t/ -k4 -r >"$folder/sources"
  count=$(wc -l <"$folder/sources")
  say "compiling $count files for$(printf ' sm_%s' $architectures) with $("$nvcc" --version | sed -n 's/.*\(release [0-9.]*\).*/\1/p')"
  # shellcheck disable=SC2016
  (cd "$folder/tree" && xargs -P "${FAISS_JOBS:-$(nproc)}" -I{} bash -c '
      objects=$1 file=$2 count=$3; shift 3
      object=$objects/$(tr / _ <<<"$file").o
      [ ! -f "$object" ] || exit 0
      "$@" -c "$file" -o "$object.new" && mv "$object.new" "$object" || { echo "build-faiss-gpu: $file does not compile" >&2; exit 255; }
      echo "build-faiss-gpu: $(ls "$objects" | grep -c "o$") of $count" >&2' \
    compile "$folder/objects" {} "$count" "$nvcc" -x cu -std=c++17 -O3 -DNDEBUG -DFINTEGER=int -w -I. "${includes[@]}" \
    -Xcompiler "-fPIC,-fopenmp,-w$(printf ',%s' "${level[@]}"),-ffile-prefix-map=$folder/tree/=" \
    "${generate[@]}" -Xfatbin=-compress-all <"$folder/sources") || die "FAISS's GPU code does not compile"
  "$cxx" -std=c++17 "${options[@]}" "${level[@]}" "-DTANDEM_FAISS_BUILD=\"$build\"" \
    "-DTANDEM_FAISS_GPU_ARCHITECTURES=\"$architectures\"" -I"$folder/tree" "${includes[@]}" -I"$toolkit/include" \
    -c "$folder/tandem_faiss_gpu.cpp" -o "$folder/tandem_faiss_gpu.o"
  link "$library" "$folder/tandem_faiss_gpu.o" "$folder"/objects/*.o "$cublas" -Wl,-rpath,"$(dirname "$cublas")" \
    $(printf -- '-L%s ' "${libraries[@]}") -lcudart_static
  rm -rf "$folder/objects" "$folder/tree" "$folder/tandem_faiss_gpu.o"
  say "built $library, $(($(stat -c %s "$library") >> 20)) MiB"
fi
ln -sfn "$key/libtandem-faiss-gpu.so" "$root/faiss-gpu/libtandem-faiss-gpu.so"
echo "$root/faiss-gpu/libtandem-faiss-gpu.so"
