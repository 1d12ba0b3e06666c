#!/usr/bin/env bash
# The nightly job, for cron, a systemd timer or a Kubernetes CronJob: rebuilds a store's index from the newest
# items and publishes it, or leaves everything as it is and ends with a status other than 0.
#   scripts/rebuild-index.sh STORE [OPTION]...     options as of 'tandem rebuild --help'
#   TANDEM_METRICS   file for Prometheus' node exporter, unless --metrics is given
# Status: 0 published, 1 failed or refused by a gate, 2 the call or the data is wrong.
set -euo pipefail
options=()
if [ -n "${TANDEM_METRICS:-}" ] && [[ " $* " != *" --metrics"* ]]; then
  options+=(--metrics "$TANDEM_METRICS")
fi
exec "$(dirname "${BASH_SOURCE[0]}")/tandem" rebuild "$@" ${options[@]+"${options[@]}"}
