#!/usr/bin/env bash
# From raw data to answered queries on the bundled MovieLens data: train, evaluate, retrieve.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
store=${1:-$ROOT/.tandem/quickstart}
"$ROOT/scripts/tandem" train "$ROOT/models/quickstart.yaml" --out "$store"
"$ROOT/scripts/tandem" evaluate "$store" --k 10,50 --report "$store/report.html"
for user in 15 73 564; do
  printf '\n'
  "$ROOT/scripts/tandem" retrieve "$store" --query "userId=$user" --exclude-seen --show title,genres -k 5
done
printf '\n%s\n' "A query never seen in training, known only by three films it liked:"
"$ROOT/scripts/tandem" retrieve "$store" --query history=260,1196,1210 --exclude-seen \
  --show title,genres -k 5
printf '\n%s\n' "The report: $store/report.html"
