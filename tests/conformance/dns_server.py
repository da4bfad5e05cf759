"""A name server with one zone file: JSON, from names to the texts of their TXT records.

Answers over UDP and TCP on a free port of loopback and prints that port. The file is read for each question; a name that
maps to null is answered with SERVFAIL, one to "silence" not at all, one that is not there with NXDOMAIN. One that maps to
{"a": [...]} has these addresses. "*.example" stands for each name below it that is not there itself.
"""

import json
import socketserver
import sys
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

ZONE = sys.argv[1]


def answer(wire):
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    with open(ZONE, encoding="utf-8") as file:
        zone = json.load(file)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    if name not in zone:
        name = "*." + name.partition(".")[2]
    texts = zone.get(name, [])
    if texts == "silence":
        return None
    if texts is None:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif name not in zone:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif isinstance(texts, dict):
        if question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", *texts["a"]))
    elif question.rdtype == dns.rdatatype.TXT and texts:
        quoted = [" ".join(f'"{part}"' for part in parts(text)) for text in texts]
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *quoted))
    return response.to_wire()


def parts(text):
    """A string of a TXT record has at most 255 bytes."""
    return [text[at : at + 255] for at in range(0, len(text), 255)] or [""]


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        wire, sock = self.request
        reply = answer(wire)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        size = int.from_bytes(self.rfile.read(2), "big")
        reply = answer(self.rfile.read(size))
        if reply is not None:
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


def main():
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    for _ in range(50):
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram)
        port = udp.server_address[1]
        try:
            tcp = socketserver.ThreadingTCPServer(("127.0.0.1", port), Stream)
            break
        except OSError:
            udp.server_close()
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    print(port, flush=True)
    udp.serve_forever()


if __name__ == "__main__":
    main()
