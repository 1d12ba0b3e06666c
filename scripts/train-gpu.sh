#!/usr/bin/env bash
# Trains a model on an NVIDIA GPU, from a bare machine with the driver to a published and evaluated version, unattended:
#   scripts/train-gpu.sh SPEC [--out STORE] [--allow-cpu] [OPTION OF tandem train]...
# Looks for the GPU, builds for CUDA, assembles the back end's GPU code where the GPU is newer than it (once; half an hour
# of one core, spread over all), tries the back end, trains, publishes, evaluates. Called again after a break, it goes on
# from the last checkpoint. Without a usable GPU it refuses; with --allow-cpu it trains on the CPU instead.
# Exit status: 0 done, 1 the work failed, 2 the call is wrong or there is no usable GPU.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() { sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}"; }

spec='' store='' allow_cpu='' options=()
while (($#)); do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --out) store=${2:?--out needs a folder}; shift 2 ;;
    --out=*) store=${1#*=}; shift ;;
    --allow-cpu) allow_cpu=yes; shift ;;
    --set) options+=("$1" "${2:?--set needs key=value}"); shift 2 ;;
    -*) options+=("$1"); shift ;;
    *) [ -z "$spec" ] || die "one specification, found '$spec' and '$1'"; spec=$1; shift ;;
  esac
done
[ -n "$spec" ] || { usage >&2; exit 2; }
[ -f "$spec" ] || die "expected a specification at $spec, found none"
store=${store:-$ROOT/.tandem/$(basename "${spec%.*}")}

# refuse_or_cpu: ends here, unless training on the CPU is allowed.
refuse_or_cpu() {
  if [ -z "$allow_cpu" ]; then
    say "no training: $1; see above. --allow-cpu trains on the CPU instead"
    exit 2
  fi
  say "$1; training on the CPU, as --allow-cpu allows"
  export TANDEM_BACKEND=cpu
}

# choose_backend: sets TANDEM_BACKEND.
choose_backend() {
  export TANDEM_BACKEND=cpu
  "$ROOT/scripts/tandem" doctor --need gpu || { refuse_or_cpu "this machine has no usable GPU"; return; }
  export TANDEM_BACKEND=cuda
  local status=0
  "$ROOT/scripts/retarget-cuda.sh" || status=$?
  [ $status -eq 0 ] ||
    say "GPU code could not be assembled ahead of time; the driver translates it at the first start, up to half an hour"
  "$ROOT/scripts/tandem" doctor --need cuda || refuse_or_cpu "the GPU cannot be used"
}

choose_backend

# A training that was broken off left this, and goes on if its specification is the same.
unfinished=${store%/}.unfinished
mkdir -p "$(dirname "$unfinished")"
mark=$(cat "$spec" <(printf '%s\n' "${options[@]}") | sha256sum)
if [ "$(cat "$unfinished" 2>/dev/null)" = "$mark" ] && [ -n "$(ls -A "$store/training" 2>/dev/null)" ]; then
  say "going on from the last checkpoint in $store"
  options+=(--resume)
fi
echo "$mark" >"$unfinished"
"$ROOT/scripts/tandem" train "$spec" --out "$store" "${options[@]}"
rm -f "$unfinished"
"$ROOT/scripts/tandem" evaluate "$store" --report "$store/report.html" --json "$store/evaluation.json"
say "published in $store; its report: $store/report.html"
