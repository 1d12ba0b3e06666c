#!/usr/bin/env bash
# Training steps of Tandem and of PyTorch on random batches of the same model, in turn, and the ratio:
#   scripts/bench/gpu_steps.sh [ROWS,...] [BATCH,...] [ROUNDS]     (default 100000,10000000 4096,16384,65536 3)
#   BENCH_DEVICE      cuda (default) or cpu, which only PyTorch can: to try the script
#   BENCH_PYTHON      a Python with torch (default python3)
#   BENCH_PRECISION   of Tandem: tf32 (default), bf16 or fp32; PyTorch multiplies in TF32
#   BENCH_SECONDS     for each figure (default 3)
# ROWS are those of the tables together; 100 million rows need 26 GB of the GPU's memory and twice as much of the host's.
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
rows=${1:-100000,10000000} batches=${2:-4096,16384,65536} rounds=${3:-3}
device=${BENCH_DEVICE:-cuda} python=${BENCH_PYTHON:-python3} seconds=${BENCH_SECONDS:-3}
"$python" -c 'import torch' 2>/dev/null || die "BENCH_PYTHON: $python has no torch; pip install torch"
work=$ROOT/.tandem/bench-gpu-steps
rm -rf "$work"
mkdir -p "$work"
for ((round = 1; round <= rounds; round++)); do
  for count in ${rows//,/ }; do
    "$ROOT/scripts/bench.sh" io.tandem.training.DeviceTrainingBenchmark "$count" "$batches" "${BENCH_PRECISION:-tf32}" "$seconds" |
      tee -a "$work/tandem"
    for kind in eager compiled; do
      options=()
      [ $kind = eager ] || options=(--compile)
      "$python" "$ROOT/scripts/bench/pytorch_two_tower.py" steps "$count" "$batches" --device "$device" --seconds "$seconds" \
        "${options[@]}" | tee -a "$work/$kind"
    done
  done
done
"$python" - "$work" <<'P'
import os, re, statistics, sys
found = {}
for who in ("tandem", "eager", "compiled"):
    path = os.path.join(sys.argv[1], who)
    for line in open(path) if os.path.exists(path) else ():
        m = re.search(r"rows ([\d,]+) batch ([\d,]+).*?: train ([\d,]+) examples/s", line)
        if m:
            rows, batch, rate = (int(g.replace(",", "")) for g in m.groups())
            found.setdefault((rows, batch), {}).setdefault(who, []).append(rate)
print(f"{'rows':>12} {'batch':>8} {'tandem':>12} {'eager':>12} {'compiled':>12} {'/ eager':>8} {'/ compiled':>10}")
for (rows, batch), rates in sorted(found.items()):
    of = {who: statistics.median(values) for who, values in rates.items()}
    def cell(who, width):
        return f"{of[who]:{width},.0f}" if who in of else "-".rjust(width)
    def ratio(who, width):
        return f"{of['tandem'] / of[who]:{width}.2f}" if "tandem" in of and who in of else "-".rjust(width)
    print(f"{rows:12,} {batch:8,} {cell('tandem', 12)} {cell('eager', 12)} {cell('compiled', 12)} {ratio('eager', 8)} {ratio('compiled', 10)}")
P
