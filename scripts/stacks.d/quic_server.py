"""A QUIC server by aioquic: echoes streams, answers HTTP/3 requests, or answers DNS over QUIC, as its ALPN says."""

import argparse
import asyncio
import struct

import dns.message
import dns.rrset
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, StreamDataReceived

VERSIONS = {"v1": 0x00000001, "v2": 0x6B3343CF}


class Server(QuicConnectionProtocol):
    """One connection."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.alpn, self.http, self.streams = None, None, {}

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.alpn = event.alpn_protocol
            if self.alpn in H3_ALPN:
                self.http = H3Connection(self._quic)
        if self.http:
            for each in self.http.handle_event(event):
                if isinstance(each, HeadersReceived):
                    body = b"<html><body>here</body></html>"
                    head = [(b":status", b"200"), (b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
                    self.http.send_headers(each.stream_id, head)
                    self.http.send_data(each.stream_id, body, True)
                    self.transmit()
        elif isinstance(event, StreamDataReceived):
            data = self.streams.get(event.stream_id, b"") + event.data
            self.streams[event.stream_id] = data
            if self.alpn == "doq":
                if event.end_stream and len(data) > 2:
                    self._quic.send_stream_data(event.stream_id, answer(data[2:]), True)
            else:
                self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
            self.transmit()


def answer(question):
    query = dns.message.from_wire(question)
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.9"))
    wire = response.to_wire()
    return struct.pack("!H", len(wire)) + wire


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("certificate")
    parser.add_argument("key")
    parser.add_argument("--alpn", default="stacks")
    parser.add_argument("--versions", default="v1")
    parser.add_argument("--retry", action="store_true")
    given = parser.parse_args()
    configuration = QuicConfiguration(is_client=False, alpn_protocols=given.alpn.split(","))
    configuration.supported_versions = [VERSIONS[word] for word in given.versions.split(",")]
    configuration.load_cert_chain(given.certificate, given.key)
    tickets = {}
    await serve(given.address, given.port, configuration=configuration, create_protocol=Server, retry=given.retry,
                session_ticket_fetcher=lambda label: tickets.pop(label, None),
                session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}))
    await asyncio.Future()


asyncio.run(main())
