"""Token, key and secret as credentials of systemd, plain and encrypted, and nothing of them in the configuration."""

from __future__ import annotations

import asyncio

from tests.service.harness.service import CONFIG, Service

E2EE_KEY = "never-to-be-seen-anywhere"
away = asyncio.to_thread


def without_files(service: Service) -> None:
    """The configuration names neither key nor secret."""
    text = service.machine.read(CONFIG)
    kept = [line for line in text.splitlines() if not line.startswith(("api_key_file", "api_secret_file"))]
    service.machine.write(CONFIG, "\n".join(kept))


async def test_credentials_of_the_store_are_used(any_service: Service) -> None:
    service = any_service
    without_files(service)
    for name, text in (("api-key", service.sfu.server.api_key), ("api-secret", service.sfu.server.api_secret)):
        service.machine.write(f"/etc/credstore/lkedge.{name}", text, 0o600)
    await away(service.start)
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    assert service.sfu.server.api_secret not in service.machine.shell(f"cat /proc/{service.pid}/environ").stdout


async def test_a_token_of_the_store_is_used_and_shown_nowhere(any_service: Service) -> None:
    """With the name that is reserved for the key of end-to-end encryption, which nothing reads."""
    service = any_service
    without_files(service)
    token = service.sfu.token("token-box", service.room)
    for name, text in (("token", token), ("e2ee-key", E2EE_KEY)):
        service.machine.write(f"/etc/credstore/lkedge.{name}", text, 0o600)
    await away(service.start)
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    assert "token-box" in str(service.ctl_json("status")["connection"])
    worker = service.track("front")["worker_pid"]
    assert "CREDENTIALS" not in service.machine.shell(f"tr '\\0' '\\n' < /proc/{worker}/environ").stdout
    shown = (
        service.machine.shell(f"cat /proc/{service.pid}/environ /proc/{worker}/environ /proc/{worker}/cmdline").stdout
        + service.machine.shell("journalctl --no-pager -o json").stdout
        + service.systemctl("show", "lkedge.service").stdout
        + service.ctl("status", "--json").stdout
        + service.busctl("call", "org.lkedge1", "/org/lkedge1", "org.lkedge1.Manager", "Status").stdout
    )
    assert token not in shown
    assert token.rpartition(".")[2] not in shown
    assert E2EE_KEY not in shown


async def test_the_configuration_is_checked_with_credentials_as_the_manual_says(any_service: Service) -> None:
    service = any_service
    assert service.machine.run("lkedge", "check", user="lkedge").returncode == 0
    without_files(service)
    for name, text in (("api-key", service.sfu.server.api_key), ("api-secret", service.sfu.server.api_secret)):
        service.machine.write(f"/etc/credstore/lkedge.{name}", text, 0o600)
    alone = service.machine.run("lkedge", "check", user="lkedge")
    assert alone.returncode != 0
    assert "lkedge.api-secret" in alone.output
    loaded = [f"--property=LoadCredential=lkedge.{name}" for name in ("api-key", "api-secret")]
    service.machine.run(
        "systemd-run", "--quiet", "--pipe", "--property=User=lkedge", *loaded, "lkedge", "check"
    ).check()


async def test_an_encrypted_credential_is_used(service: Service) -> None:
    without_files(service)
    service.machine.shell("mkdir -p /etc/credstore.encrypted")
    for name, text in (("api-key", service.sfu.server.api_key), ("api-secret", service.sfu.server.api_secret)):
        path = f"/etc/credstore.encrypted/lkedge.{name}"
        service.machine.run("systemd-creds", "encrypt", f"--name=lkedge.{name}", "-", path, data=text).check()
    try:
        await away(service.start)
        await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    finally:
        service.machine.shell("rm -r /etc/credstore.encrypted")


async def test_an_encrypted_credential_is_used_as_the_manual_says_for_older_releases(any_service: Service) -> None:
    """docs/service.md: a drop-in for systemd 252, which newer ones take as well."""
    service = any_service
    without_files(service)
    service.machine.shell("mkdir -p /etc/credstore.encrypted")
    lines = ["[Service]"]
    for name, text in (("api-key", service.sfu.server.api_key), ("api-secret", service.sfu.server.api_secret)):
        path = f"/etc/credstore.encrypted/lkedge.{name}"
        service.machine.run("systemd-creds", "encrypt", f"--name=lkedge.{name}", "-", path, data=text).check()
        lines.append(f"LoadCredentialEncrypted=lkedge.{name}:{path}")
    service.drop_in("\n".join([*lines, ""]))
    try:
        await away(service.start)
        await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    finally:
        service.machine.shell("rm -r /etc/credstore.encrypted")
