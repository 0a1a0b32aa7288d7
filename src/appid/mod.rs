//! appid
