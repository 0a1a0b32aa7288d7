"""A WebRTC peer by aiortc: opens a data channel to another one, or answers one over HTTP (for a browser)."""

import argparse
import asyncio
import json

from rtc_page import serve_page
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.signaling import BYE, TcpSocketSignaling


def peer(given):
    servers = []
    if given.stun:
        servers.append(RTCIceServer(urls=f"stun:{given.stun}"))
    if given.turn:
        servers.append(RTCIceServer(urls=f"turn:{given.turn}", username="somebody", credential="something"))
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))


async def offer(given):
    connection, signaling = peer(given), TcpSocketSignaling(given.address, given.port)
    done = asyncio.Event()
    channel = connection.createDataChannel("words")
    channel.on("open", lambda: channel.send("hello"))

    @channel.on("message")
    def back(word):
        print("back:", word)
        done.set()

    await signaling.connect()
    await connection.setLocalDescription(await connection.createOffer())
    await signaling.send(connection.localDescription)
    await connection.setRemoteDescription(await signaling.receive())
    await asyncio.wait_for(done.wait(), 30)
    await asyncio.sleep(1)
    await signaling.send(BYE)
    await connection.close()


def answer_words(connection):
    @connection.on("datachannel")
    def opened(channel):
        @channel.on("message")
        def heard(word):
            print("heard:", word, flush=True)
            channel.send(word)


async def answer(given):
    connection, signaling = peer(given), TcpSocketSignaling(given.address, given.port)
    answer_words(connection)
    await signaling.connect()
    await connection.setRemoteDescription(await signaling.receive())
    await connection.setLocalDescription(await connection.createAnswer())
    await signaling.send(connection.localDescription)
    await signaling.receive()
    await connection.close()


async def page(given):
    connections = []

    async def on_offer(body):
        connection = peer(given)
        connections.append(connection)
        answer_words(connection)
        await connection.setRemoteDescription(RTCSessionDescription(**json.loads(body)))
        await connection.setLocalDescription(await connection.createAnswer())
        return json.dumps({"sdp": connection.localDescription.sdp, "type": connection.localDescription.type})

    await serve_page(given.address, given.port, on_offer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["offer", "answer", "page"])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--stun")
    parser.add_argument("--turn")
    given = parser.parse_args()
    asyncio.run({"offer": offer, "answer": answer, "page": page}[given.role](given))


main()
