#!/usr/bin/env bash
# Assembles the GPU code of ND4J's CUDA back end ahead of time, for a GPU newer than it: --help says more.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
tool=$ROOT/native/retarget/target
if [ ! -d "$tool/lib" ] || [ ! -f "$tool/tandem-retarget.jar" ] || [ -n "$(find "$ROOT/pom.xml" \
    "$ROOT/native/retarget/pom.xml" "$ROOT/native/retarget/src/main" -newer "$tool/tandem-retarget.jar" -print -quit)" ]; then
  set_up_build
  package -pl native/retarget
fi
find_java || die "expected Java 17 or newer; set JAVA_HOME"
jvm_options
[ ! -t 1 ] || OPTIONS+=(-Dtandem.terminal=true)
jar=()
if [[ " $* " != *" --jar"[\ =]* && " $* " != *" --help "* && " $* " != *" -h "* ]]; then
  build_cuda
  jar=(--jar "$(cuda_jar)")
fi
exec "$JAVA" "${OPTIONS[@]}" -Xmx2g -cp "$tool/tandem-retarget.jar:$tool/lib/*" io.tandem.retarget.Main "${jar[@]}" "$@"
