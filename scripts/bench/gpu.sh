#!/usr/bin/env bash
# Tandem against PyTorch on the same model, data, batch and optimizer, in turn, and the ratio:
#   scripts/bench/gpu.sh [ROUNDS]          (default 3)
#   BENCH_DEVICE   cuda (default) or cpu
#   BENCH_PYTHON   a Python with torch (default python3); only this comparison needs one
#   BENCH_DATA     arguments of the data, such as "--interactions 100000 --queries 10000 --items 5000 --batch 1024"
# Examples/s are medians over epochs but the first, then over rounds. PyTorch runs eager and, where it can, compiled.
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
rounds=${1:-3}
device=${BENCH_DEVICE:-cuda}
python=${BENCH_PYTHON:-python3}
counterpart=$ROOT/scripts/bench/pytorch_two_tower.py
"$python" -c 'import torch' 2>/dev/null || die "BENCH_PYTHON: $python has no torch; pip install torch"
case $device in
  cuda | cpu) ;;
  *) die "BENCH_DEVICE: expected cuda or cpu, found '$device'" ;;
esac
work=$ROOT/.tandem/bench-gpu
rm -rf "$work"
mkdir -p "$work"
# shellcheck disable=SC2086
"$python" "$counterpart" data "$work/data" ${BENCH_DATA:-}
batch=$(sed -nE 's/.*batch: ([0-9]+).*/\1/p' "$work/data/spec.yaml")
compiled=()
"$python" -c 'import torch; torch.compile' 2>/dev/null && compiled=(compiled)

for ((round = 1; round <= rounds; round++)); do
  store=$work/store-$round
  TANDEM_BACKEND=$device "$ROOT/scripts/tandem" train "$work/data/spec.yaml" --out "$store" --set "training.seed=$round" \
    --set "training.device=$device"
  "$ROOT/scripts/tandem" evaluate "$store" --k 10 --json "$work/tandem-$round.evaluation.json"
  for kind in eager "${compiled[@]}"; do
    options=()
    [ $kind = eager ] || options=(--compile)
    "$python" "$counterpart" train "$work/data" --device "$device" --batch "$batch" "${options[@]}" --json "$work/$kind-$round.json"
  done
done

"$python" - "$work" "$rounds" <<'P'
import csv, json, statistics, sys
work, rounds = sys.argv[1], int(sys.argv[2])
examples = sum(1 for _ in open(work + "/data/train.csv")) - 1
rows = {}
for r in range(1, rounds + 1):
    epochs = json.load(open(f"{work}/store-{r}/epochs.json"))
    later = epochs[1:] or epochs
    found = json.load(open(f"{work}/tandem-{r}.evaluation.json"))
    rows.setdefault("tandem", []).append((statistics.median(examples / e["seconds"] for e in later), epochs[-1]["loss"], found["results"][0]["metrics"]["recall"]["mean"]))
    for kind in ("eager", "compiled"):
        try:
            result = json.load(open(f"{work}/{kind}-{r}.json"))
        except FileNotFoundError:
            continue
        rows.setdefault("pytorch " + kind, []).append((result["examples_per_second"], result["loss"], result["recall_at_10"]))
ours = statistics.median(r[0] for r in rows["tandem"])
print(f"{'':18} {'examples/s':>12} {'loss':>8} {'recall@10':>10} {'tandem is':>10}")
for name, values in rows.items():
    rate, loss, hits = (statistics.median(v[i] for v in values) for i in range(3))
    print(f"{name:18} {rate:12,.0f} {loss:8.4f} {hits:10.4f} {ours / rate:9.2f}x")
P
