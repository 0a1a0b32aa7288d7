//! Link types of files (LINKTYPE) against those of libpcap on this system (DLT), and their names.
//! Source: the registry at tcpdump.org/linktypes.html and the platform notes in libpcap's pcap/dlt.h.

use super::LinkType;

/// Pairs (LINKTYPE, DLT on Linux) that differ; all others are equal.
const DIFFERENT: [(u16, i32); 5] = [(100, 11), (101, 12), (102, 15), (103, 16), (106, 19)];
/// `DLT_RAW` of OpenBSD, found in files that were written without the mapping.
const OPENBSD_RAW: u16 = 14;

impl LinkType {
    /// From the link type field of a pcap header: the low 16 bits. Above them are reserved bits, the FCS flag and
    /// the FCS length (draft-ietf-opsawg-pcap, section 4); a trailing FCS stays on the frame.
    pub fn from_pcap_field(field: u32) -> Self {
        let [low, high, ..] = field.to_le_bytes();
        Self::from_file(u16::from_le_bytes([low, high]))
    }

    /// From a file's 16-bit link type: DLT values that old writers left in files become their LINKTYPE.
    pub fn from_file(value: u16) -> Self {
        match value {
            OPENBSD_RAW => Self::RAW,
            other => Self::from_dlt(i32::from(other)),
        }
    }

    /// From libpcap's DLT value on this system.
    pub(super) fn from_dlt(dlt: i32) -> Self {
        let mapped = DIFFERENT.iter().find(|(_, d)| *d == dlt).map(|(link, _)| *link);
        Self(mapped.unwrap_or_else(|| u16::try_from(dlt).unwrap_or(u16::MAX)))
    }

    /// libpcap's DLT value on this system.
    pub(super) fn to_dlt(self) -> i32 {
        DIFFERENT.iter().find(|(link, _)| *link == self.0).map_or(i32::from(self.0), |(_, dlt)| *dlt)
    }

    /// The registry's name in lower case (`ethernet`), or `linktype_N`.
    pub fn name(self) -> String {
        let known = match self {
            Self::NULL => "null",
            Self::ETHERNET => "ethernet",
            Self::PPP => "ppp",
            Self::RAW => "raw",
            Self::IEEE802_11 => "ieee802_11",
            Self::LOOP => "loop",
            Self::LINUX_SLL => "linux_sll",
            Self::IEEE802_11_RADIOTAP => "ieee802_11_radiotap",
            Self::IPV4 => "ipv4",
            Self::IPV6 => "ipv6",
            Self::NFLOG => "nflog",
            Self::PKTAP => "pktap",
            Self::LINUX_SLL2 => "linux_sll2",
            Self(other) => return format!("linktype_{other}"),
        };
        known.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcs_bits_do_not_change_the_link_type() {
        assert_eq!(LinkType::from_pcap_field(0x2400_0001), LinkType::ETHERNET);
        assert_eq!(LinkType::from_pcap_field(276), LinkType::LINUX_SLL2);
    }

    #[test]
    fn raw_ip_is_one_link_type_however_it_was_written() {
        for field in [12, 14, 101] {
            assert_eq!(LinkType::from_pcap_field(field), LinkType::RAW);
        }
        assert_eq!(LinkType::RAW.to_dlt(), 12);
    }
}
