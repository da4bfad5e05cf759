"""The mail server of the tests: aiosmtpd, which takes letters, and fails as it is told.

Prints one JSON object a line: the port first, then every try and every letter, and every line that it is told: what
happened before comes before it.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def say(**event):
    print(json.dumps(event), flush=True)


class Handler:
    def __init__(self, fault, failures):
        self.fault, self.failures = fault, failures

    def fails(self, *faults):
        return self.fault in faults and self.failures > 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        say(event="try")
        if self.fails("defer", "reject"):
            self.failures -= 1
            if self.fault == "defer":
                return f"451 4.3.0 <{address}> must wait"
            return f"550 5.1.1 <{address}> is nobody"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.fails("cut", "silent"):
            self.failures -= 1
            if self.fault == "cut":
                server.transport.abort()
            await asyncio.sleep(3600)
        say(
            event="letter",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            message=envelope.content.decode(),
            encrypted=session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            user=getattr(session, "auth_data", None),
        )
        if self.fails("forget"):
            self.failures -= 1
            server.transport.abort()
        return "250 OK"


async def main(args):
    context = None
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)
    handler = Handler(args.fault, args.failures)

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            args.user.encode(),
            args.password.encode(),
        )
        return AuthResult(success=good, auth_data=args.user if good else None, handled=False)

    def serve():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if args.security == "starttls" else None,
            require_starttls=args.security == "starttls",
            authenticator=authenticate if args.user else None,
            auth_required=bool(args.user),
            auth_require_tls=args.security == "starttls",
        )

    listener = context if args.security == "implicit" else None
    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0, ssl=listener)
    say(event="listening", port=server.sockets[0].getsockname()[1])
    # Ends with the test that holds the other end.
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        say(event="asked", asked=line.strip())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--security", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--fault", choices=["none", "defer", "reject", "cut", "silent", "forget"], default="none")
    parser.add_argument("--failures", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args()))
