//! The catalogue against labelled captures, where they are at hand: every label by host name must be met or explained.
