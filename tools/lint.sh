#!/bin/bash
# All checks that read the code without running it; goes on after a failure, fails at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
failed=()

check() {
    local name=$1
    shift
    "$@" || failed+=("$name")
}

check "ruff check" ruff check -q --config tools/ruff.toml .
check "ruff format" ruff format -q --check --config tools/ruff.toml .
check mypy mypy --no-error-summary
if grep -q '^\[importlinter' setup.cfg; then
    check lint-imports lint-imports --config setup.cfg --no-logo
fi
check sizes python tools/sizes.py weavecli tests tools man completions
if command -v shellcheck >/dev/null; then
    check shellcheck shellcheck tools/*.sh .ci/run
fi

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}" >&2
    exit 1
fi
