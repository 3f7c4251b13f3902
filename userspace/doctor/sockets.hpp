// SPDX-License-Identifier: Apache-2.0
// Sockets through which another process does things for its caller, as patterns of glob(3) with braces, below the root directory. A unit
// test compares them with those that policies/coding.yaml asks about.
#pragma once

#include <array>

namespace holdpoint::doctor {

struct KnownSocket {
  const char* pattern;
  const char* what;
};

// Whoever writes to one of these makes somebody else act, mostly as root.
inline constexpr auto kServiceSockets = std::to_array<KnownSocket>({
    {"run/docker.sock", "Docker"},
    {"run/docker/{*,containerd/*}", "Docker"},
    {"run/{containerd/*,containerd/s/*,k3s/containerd/*}", "containerd"},
    {"run/podman/*", "Podman"},
    {"run/crio/*", "CRI-O"},
    {"run/buildkit/*", "BuildKit"},
    {"run/libvirt/*", "libvirt"},
    {"var/lib/lxd/unix.socket", "LXD"},
    {"var/snap/lxd/common/lxd/unix.socket", "LXD"},
    {"var/lib/incus/unix.socket", "Incus"},
    {"run/WSL/*", "WSL"},
});

// These obey every process of the same user.
inline constexpr auto kPersonalSockets = std::to_array<KnownSocket>({
    {"tmp/tmux-*/*", "tmux"},
    {"{run/screen,tmp/screens,tmp/uscreens}/S-*/*", "screen"},
    {"home/*/.screen/*", "screen"},
    {"{tmp/ssh-*/agent.*,home/*/.ssh/agent/*}", "ssh-agent"},
    {"run/user/[0-9]*/{openssh_agent,ssh-agent*}", "ssh-agent"},
    {"home/*/.ssh/{*,cm*/*,control*/*,master*/*,sockets*/*}", "ssh, connections that are open"},
    {"{run/user/[0-9]*/gnupg,home/*/.gnupg,root/.gnupg}/S.gpg-agent*", "gpg-agent"},
    {"run/user/[0-9]*/{keyring,gcr}/*", "keyring"},
    {"home/*/.1password/agent.sock", "1Password"},
    {"home/*/.bitwarden-ssh-agent.sock", "Bitwarden"},
    {"{home/*,root}/{.cache/git/credential,.git-credential-cache}/socket", "git's cache of passwords"},
    {"run/user/[0-9]*/{podman*,podman/*}", "Podman"},
    {"run/user/[0-9]*/{docker.sock,docker*,docker/*,docker/containerd/*}", "Docker"},
    {"run/user/[0-9]*/containerd-rootless/*", "containerd"},
    {"run/user/[0-9]*/{buildkit*,buildkit/*}", "BuildKit"},
    {"run/user/[0-9]*/{libvirt*,libvirt/*}", "libvirt"},
    {"home/*/.docker/{run,desktop}/*.sock", "Docker Desktop"},
    {"home/*/.colima/default/docker.sock", "Colima"},
    {"home/*/.rd/docker.sock", "Rancher Desktop"},
    {"run/user/[0-9]*/systemd/private", "systemd --user"},
    {"run/user/[0-9]*/bus", "session bus"},
    {"{tmp,run/user/[0-9]*}/vscode-*", "VS Code"},
    {"{tmp,run/user/[0-9]*}/kitty*", "kitty"},
    {"{tmp,run/user/[0-9]*}/{nvim*,nvim*/*}", "Neovim"},
    {"tmp/nvim*/*/*", "Neovim"},
    {"{tmp/emacs*,run/user/[0-9]*/emacs}/*", "Emacs"},
    {"run/user/[0-9]*/wezterm/*", "WezTerm"},
});

}  // namespace holdpoint::doctor
