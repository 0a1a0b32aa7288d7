//! Tests of decoding: frames in commented hex, by table; every cut of them; any bytes; fragments; real captures.

mod captures;
mod fragments;
mod frames;
mod links;
mod properties;
mod reassembly;
mod transports;
mod tunnels;
