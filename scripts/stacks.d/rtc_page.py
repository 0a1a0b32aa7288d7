"""A web page over plain HTTP that opens a data channel to the peer beside it, for a browser without a hand on it."""

import asyncio

PAGE = b"""<!doctype html><title>peer</title><script>
// "#client": the browser greets; else the peer may choose to.
const role = (sdp) => location.hash == "#client" ? sdp.replaceAll("setup:actpass", "setup:active") : sdp;
(async () => {
  const peer = new RTCPeerConnection();
  const channel = peer.createDataChannel("words");
  channel.onopen = () => channel.send("hello from the browser");
  channel.onmessage = (event) => { document.title = event.data; };
  const gathered = new Promise((done) => { peer.onicecandidate = (event) => event.candidate || done(); });
  await peer.setLocalDescription(await peer.createOffer());
  await gathered;
  const answer = await fetch("/offer", {method: "POST", body: JSON.stringify({type: "offer", sdp: role(peer.localDescription.sdp)})});
  await peer.setRemoteDescription(await answer.json());
})();
</script>"""


async def serve_page(address, port, on_offer):
    """Serves the page, and calls `on_offer` with what is posted; for ever."""

    async def handle(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        body = await reader.readexactly(length)
        content = (await on_offer(body.decode())).encode() if head.startswith(b"POST") else PAGE
        kind = b"application/json" if head.startswith(b"POST") else b"text/html"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, address, port)
    await server.serve_forever()
