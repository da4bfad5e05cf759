"""Checks the router simulator with an independent client: librouteros from PyPI (GPL, so used in tests only).

    cargo build -p simpul-routeros --example router_sim
    python3 -m venv .dev/venv-ros && .dev/venv-ros/bin/pip install 'librouteros>=4,<5'
    .dev/venv-ros/bin/python tests/conformance/librouteros_check.py target/debug/examples/router_sim

Prints one line per check and ends with status 1 if any failed. Needs no network but loopback.
"""

import hashlib
import json
import socket
import ssl
import subprocess
import sys
import threading

import librouteros
from librouteros.exceptions import TrapError
from librouteros.login import plain, token
from librouteros.query import And, Key, Or

USER, PASSWORD = "api", "rahasia"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def connect(port, method=plain, password=PASSWORD, **more):
    return librouteros.connect(
        "127.0.0.1", USER, password, port=port, login_method=method, encoding="utf-8", timeout=10, **more
    )


def refused(action):
    """The message with which the router refuses, or None."""
    try:
        action()
    except TrapError as error:
        return str(error.message)
    return None


def fresh(api, name, **more):
    """A secret that exists for one check."""
    return api.path("ppp", "secret").add(name=name, **more)


@check
def plain_login_works_since_6_43(routers):
    for kind in ("v6", "v7", "v7_empty"):
        api = connect(routers[kind]["plain"])
        assert list(api.path("system", "identity"))[0]["name"] == "simulated", kind
        api.close()


@check
def challenge_login_works_before_7(routers):
    for kind in ("v6_legacy", "v6"):
        api = connect(routers[kind]["plain"], token)
        assert "6." in list(api.path("system", "resource"))[0]["version"], kind
        api.close()


@check
def wrong_passwords_are_refused_by_both_logins(routers):
    assert "invalid user name or password" in refused(lambda: connect(routers["v7"]["plain"], password="x"))
    assert "cannot log in" in refused(lambda: connect(routers["v6_legacy"]["plain"], token, password="x"))


@check
def tls_shows_the_printed_certificate(routers):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    seen = []

    def wrap(sock):
        wrapped = context.wrap_socket(sock)
        seen.append(hashlib.sha256(wrapped.getpeercert(binary_form=True)).hexdigest())
        return wrapped

    api = connect(routers["v7"]["tls"], ssl_wrapper=wrap)
    assert list(api.path("system", "identity"))
    assert seen == [routers["v7"]["sha256"]], seen
    api.close()


@check
def rows_are_added_changed_printed_and_removed(routers):
    for kind, method in (("v6_legacy", token), ("v7", plain), ("v7_empty", plain)):
        api = connect(routers[kind]["plain"], method)
        secrets = api.path("ppp", "secret")
        row = fresh(api, "budi", comment="isp:1 second floor", service="pppoe")
        assert row.startswith("*"), row
        secrets.update(**{".id": row, "comment": "a=b=c", "disabled": True})
        found = [found for found in secrets if found[".id"] == row][0]
        assert (found["comment"], found["disabled"], found["service"]) == ("a=b=c", True, "pppoe"), found
        only = list(secrets.select("name"))
        assert only == [{"name": "budi"}], only
        secrets.remove(row)
        assert list(secrets) == [], kind
        api.close()


@check
def empty_prints_are_empty_with_and_without_the_new_word(routers):
    for kind in ("v6", "v7", "v7_empty"):
        api = connect(routers[kind]["plain"])
        assert list(api.path("ppp", "active")) == [], kind
        name = Key("name")
        assert list(api.path("ppp", "secret").select(name).where(name == "nobody")) == [], kind
        assert list(api.path("system", "identity")), "the session goes on"
        api.close()


@check
def queries_are_evaluated_like_a_router_does(routers):
    api = connect(routers["v7_empty"]["plain"])
    secrets = api.path("ppp", "secret")
    rows = [fresh(api, name, **{"limit-bytes-in": limit}) for name, limit in (("a", 9), ("b", 10), ("c", 100))]
    name, limit, disabled = Key("name"), Key("limit-bytes-in"), Key("disabled")
    list(secrets("disable", numbers=rows[2]))

    def names(*queries):
        return sorted(row["name"] for row in secrets.select(name).where(*queries))

    assert names(name == "a") == ["a"]
    assert names(name != "a") == ["b", "c"]
    assert names(limit > 9) == ["b", "c"]
    assert names(limit < 10) == ["a"]
    assert names(name.In("a", "c", "z")) == ["a", "c"]
    assert names(Or(name == "a", name == "b"), limit > 9) == ["b"]
    assert names(And(name == "a", name == "b")) == []
    assert names(disabled == True) == ["c"]  # noqa: E712
    secrets.remove(*rows)
    assert names() == []
    api.close()


@check
def refusals_carry_the_words_of_a_router(routers):
    api = connect(routers["v7"]["plain"])
    row = fresh(api, "budi")
    for action, words in (
        (lambda: fresh(api, "budi"), "failure: secret with the same name already exists"),
        (lambda: fresh(api, "x", profile="none"), "input does not match any value of profile"),
        (lambda: fresh(api, "x", colour="red"), "unknown parameter colour"),
        (lambda: api.path("ppp", "secret").remove("*FF"), "no such item"),
        (lambda: list(api.path("tool", "romon")), "no such command prefix"),
        (lambda: list(api("/ppp/secret/explode")), "no such command"),
    ):
        message = refused(action)
        assert message is not None and words in message, (message, words)
    api.path("ppp", "secret").remove(row)
    api.close()


@check
def words_of_every_length_class_come_back(routers):
    for port in ("plain", "tls"):
        more = {}
        if port == "tls":
            context = ssl._create_unverified_context()  # the pin is checked elsewhere
            more = {"ssl_wrapper": context.wrap_socket}
        api = connect(routers["v7"][port], **more)
        for length in (1, 100, 127, 128, 200, 16_383, 16_384, 20_000, 200_000):
            comment = "x" * length
            row = fresh(api, f"n{length}", comment=comment)
            found = [found for found in api.path("ppp", "secret") if found[".id"] == row][0]
            assert found["comment"] == comment, length
            api.path("ppp", "secret").remove(row)
        api.close()


@check
def text_in_utf8_comes_back(routers):
    api = connect(routers["v7"]["plain"])
    row = fresh(api, "siti", comment="café 日本 \u00b5")
    found = [found for found in api.path("ppp", "secret") if found[".id"] == row][0]
    assert found["comment"] == "café 日本 \u00b5", found
    api.path("ppp", "secret").remove(row)
    api.close()


@check
def several_clients_at_once_do_not_disturb_each_other(routers):
    errors = []

    def work(number):
        try:
            api = connect(routers["v7_empty"]["plain"])
            for turn in range(20):
                row = fresh(api, f"w{number}-{turn}")
                name = Key("name")
                found = list(api.path("ppp", "secret").select(name).where(name == f"w{number}-{turn}"))
                assert found == [{"name": f"w{number}-{turn}"}], found
                api.path("ppp", "secret").remove(row)
            api.close()
        except Exception as error:  # any failure of a thread is reported by the check
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == [], errors
    api = connect(routers["v7_empty"]["plain"])
    assert list(api.path("ppp", "secret")) == []
    api.close()


def raw_words(*sentence):
    return b"".join(bytes([len(word)]) + word for word in sentence) + b"\0"


@check
def tagged_commands_and_cancel_work_on_the_wire(routers):
    with socket.create_connection(("127.0.0.1", routers["v7"]["plain"]), timeout=10) as sock:
        def send(*sentence):
            sock.sendall(raw_words(*sentence))

        def receive_until(marker):
            data = b""
            while marker not in data:
                piece = sock.recv(4096)
                assert piece, data
                data += piece
            return data

        send(b"/login", b"=name=api", b"=password=rahasia")
        assert receive_until(b"!done\0")
        send(b"/ping", b"=address=1.1.1.1", b".tag=endless")
        receive_until(b".tag=endless\0")
        send(b"/system/identity/print", b".tag=name")
        assert b"=name=simulated" in receive_until(b"!done\x09.tag=name\0")
        send(b"/cancel", b"=tag=endless", b".tag=stop")
        data = receive_until(b"!done\x09.tag=stop\0")
        assert b"=message=interrupted" in data and b"!done\x0c.tag=endless\0" in data, data
        send(b"/quit")
        assert b"!fatal\x1dsession terminated on request\0" in receive_until(b"request\0")
        assert sock.recv(1) == b""


def main():
    process = subprocess.Popen(sys.argv[1:2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    failed = 0
    try:
        routers = json.loads(process.stdout.readline())
        for function in CHECKS:
            try:
                function(routers)
                print(f"ok   {function.__name__}")
            except Exception as error:  # every check is run and reported
                failed += 1
                print(f"FAIL {function.__name__}: {type(error).__name__}: {error}")
    finally:
        process.stdin.close()
        process.wait(10)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed")
    return 1 if failed or process.returncode else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main())
