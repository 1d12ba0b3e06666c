#!/usr/bin/env bash
# Runs a benchmark of src/jmh by its class name: scripts/bench.sh io.tandem.tower.StepBenchmark [ARGUMENT]...
# Without arguments, lists them.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
if [ $# -eq 0 ]; then
  (cd "$ROOT/src/jmh/java" && find . -name '*Benchmark.java' | sed 's|^\./||; s|/|.|g; s|\.java$||' | sort)
  exit 0
fi
set_up_build
maven -q package -DskipTests -Pbench -pl src -am
find_java
jvm_options
# shellcheck disable=SC2086
exec "$JAVA" "${OPTIONS[@]}" "-Dtandem.root=$ROOT" ${TANDEM_JAVA_OPTS:-} \
  -cp "$ROOT/src/target/test-classes:$ROOT/src/target/classes:$ROOT/src/target/bench-lib/*" "$@"
