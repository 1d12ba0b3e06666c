# For scripts that compile for NVIDIA's GPUs: finds nvcc, or takes it from NVIDIA's packages for pip. Sourced, with cache, say.

# from_pip NAME PACKAGE...: CUDA 13.0's packages, fetched once; leaves their folder in $fetched.
from_pip() {
  local name=$1 work
  shift
  fetched=$cache/$name-13.0/nvidia/cu13
  [ ! -d "$fetched" ] || return 0
  command -v pip >/dev/null || { say "CUDA_FROM_PIP=1 needs pip"; return 1; }
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.toolkit-XXXXXX")
  # shellcheck disable=SC2046
  pip install -q --no-deps --target "$work" $(printf '%s==13.0.* ' "$@") >&2 || { rm -rf "$work"; return 1; }
  chmod +x "$work"/nvidia/cu13/bin/* "$work"/nvidia/cu13/nvvm/bin/* 2>/dev/null || true
  rm -rf "${cache:?}/$name-13.0" && mv -T "$work" "$cache/$name-13.0"
}

# find_nvcc: sets nvcc to a compiler in NVCC, PATH, CUDA_HOME, /usr/local/cuda or, with CUDA_FROM_PIP=1 or fetched before, pip's.
find_nvcc() {
  local candidate
  for candidate in "${NVCC:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/nowhere}/bin/nvcc" /usr/local/cuda/bin/nvcc; do
    [ -n "$candidate" ] && [ -x "$candidate" ] && { nvcc=$candidate; return; }
  done
  [ -x "$cache/toolkit-13.0/nvidia/cu13/bin/nvcc" ] || [ "${CUDA_FROM_PIP:-0}" = 1 ] || return 1
  from_pip toolkit nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-runtime && nvcc=$fetched/bin/nvcc
}
