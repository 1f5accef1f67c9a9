#!/bin/bash
# Brings a Debian or Ubuntu machine to where `make test` runs: packages (as root) and .venv.
# Safe to run again; the second run only looks. Docker is installed but never started here.
set -euo pipefail
cd "$(dirname "$0")/.."

# The tests' hosts are made of these; their dockerds run inside them, not on the machine.
packages=(
    tini busybox-static iproute2 iptables nftables conntrack iputils-ping tcpdump iperf3 curl
    procps util-linux hostname docker-compose mandoc bash-completion zsh fish python3 python3-venv
)
# Docker from another source serves as well, and docker.io would replace it.
command -v dockerd >/dev/null && command -v docker >/dev/null || packages+=(docker.io)
policy=/usr/sbin/policy-rc.d

say() { printf 'setup: %s\n' "$*" >&2; }

missing_packages() {
    local status
    status=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
    for package in "${packages[@]}"; do
        grep -qx "$package installed" <<<"$status" || echo "$package"
    done
}

# Maintainer scripts ask policy-rc.d before they start a service; 101 is "no".
forbid_services() {
    [ -e "$policy" ] && return
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here; install the like of: ${missing[*]}"
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        say "not root, so these stay missing (tests that need them are skipped): ${missing[*]}"
        return
    fi
    say "installing ${missing[*]}"
    forbid_services
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    local options=(-qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
    apt-get "${options[@]}" update
    # A package that a release does not have must not keep the others from being installed.
    apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null ||
        for package in "${missing[@]}"; do
            apt-get "${options[@]}" install -y --no-install-recommends "$package" >/dev/null ||
                say "could not install $package"
        done
}

# .venv holds the checkout itself, editable, with what tests and linters need.
make_venv() {
    local stamp=.venv/.setup wanted
    wanted=$(cat setup.cfg pyproject.toml | sha256sum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null && return
    say "making .venv"
    .venv/bin/python -c '' 2>/dev/null || python3 -m venv --clear .venv
    # Compat mode: a plain path in site-packages, which Python starts faster with than a finder.
    PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/pip install -qq --config-settings editable_mode=compat \
        -e '.[test,lint]'
    printf '%s\n' "$wanted" >"$stamp"
}

install_packages
make_venv
