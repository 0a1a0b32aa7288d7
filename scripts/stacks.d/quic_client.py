"""A QUIC client by aioquic: says a word over a stream and waits for its echo; may move, change its id, resume."""

import argparse
import asyncio
import os
import pickle
import socket
import ssl

from aioquic.asyncio import connect
from aioquic.quic.configuration import QuicConfiguration

VERSIONS = {"v1": 0x00000001, "v2": 0x6B3343CF, "reserved": 0x1A2A3A4A}


async def echo(connection, word):
    reader, writer = await connection.create_stream()
    writer.write(word)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 20) == word


async def move(connection):
    """Goes on from another port, as behind a NAT that forgot the first."""
    old = connection._transport
    endpoint = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    endpoint.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    endpoint.bind(("::", 0))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: connection, sock=endpoint)
    assert connection._transport is not old


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--name")
    parser.add_argument("--alpn", default="stacks")
    parser.add_argument("--versions", default="v1", help="the first is the one that is tried first")
    parser.add_argument("--long", action="store_true", help="a greeting that takes two packets")
    parser.add_argument("--move", action="store_true")
    parser.add_argument("--change-id", action="store_true")
    parser.add_argument("--linger", type=float, default=0, help="seconds of silence after the first word")
    parser.add_argument("--session", help="resumed if the file is there, written else")
    given = parser.parse_args()
    configuration = QuicConfiguration(alpn_protocols=given.alpn.split(","), verify_mode=ssl.CERT_NONE,
                                      server_name=given.name, quantum_readiness_test=given.long)
    versions = [VERSIONS[word] for word in given.versions.split(",")]
    configuration.original_version, configuration.supported_versions = versions[0], versions
    early = False
    if given.session and os.path.exists(given.session):
        with open(given.session, "rb") as file:
            configuration.session_ticket = pickle.load(file)
        early = True

    def keep(ticket):
        if given.session and not early:
            with open(given.session, "wb") as file:
                pickle.dump(ticket, file)

    async with connect(given.address, given.port, configuration=configuration, session_ticket_handler=keep,
                       wait_connected=not early) as connection:
        await echo(connection, b"early" * 20)
        if early:
            await connection.ping()
            assert connection._quic.tls.session_resumed and connection._quic.tls.early_data_accepted
        await asyncio.sleep(given.linger)
        if given.change_id:
            connection.change_connection_id()
        if given.move:
            await move(connection)
        for _ in range(3):
            await echo(connection, b"word" * 50)
        await connection.ping()


asyncio.run(main())
