//! HTTP/1.1 requests and responses (RFC 9112).

/// A GET of `path` at `host`.
pub(crate) fn get(host: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: example/1.0\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// A request to a proxy for a tunnel to `authority`.
pub(crate) fn connect(authority: &str) -> Vec<u8> {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes()
}

/// The proxy's consent.
pub(crate) fn established() -> Vec<u8> {
    b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()
}

/// A response with a body of so many bytes.
pub(crate) fn ok(length: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), &b"whither ".repeat(length / 8 + 1)[..length]].concat()
}
