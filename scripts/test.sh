#!/usr/bin/env bash
# Sets up what the tests need and runs them all; arguments go to Maven.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
set_up_build
maven verify "$@"
