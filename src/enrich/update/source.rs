//! Where databases come from: who makes them, under which licence, at which address.
//!
//! | source | address | account |
//! |---|---|---|
//! | DB-IP Lite | `download.db-ip.com/free/dbip-…-lite-YYYY-MM.mmdb.gz`, one for each month | none |
//! | MaxMind GeoLite2 | `download.maxmind.com/geoip/databases/…/download?suffix=tar.gz`, basic authentication | free |
//! | IPinfo Lite | `ipinfo.io/data/ipinfo_lite.mmdb?token=…` | free |
//!
//! MaxMind and IPinfo hand over to a store by a redirect. A mirror holds the files under the makers' own names.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A database that can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// DB-IP Lite, country.
    DbipCountry,
    /// DB-IP Lite, city: for its country no better than the smaller file.
    DbipCity,
    /// DB-IP Lite, AS numbers and names.
    DbipAsn,
    /// GeoLite2, country.
    MaxmindCountry,
    /// GeoLite2, city.
    MaxmindCity,
    /// GeoLite2, AS numbers and names.
    MaxmindAsn,
    /// IPinfo Lite: country, AS numbers and names in one file.
    IpinfoLite,
}

/// Who has to be asked, and how one is known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Nobody.
    None,
    /// An account id and a licence key.
    Maxmind,
    /// A token.
    Ipinfo,
}

impl Source {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::DbipCountry,
        Self::DbipCity,
        Self::DbipAsn,
        Self::MaxmindCountry,
        Self::MaxmindCity,
        Self::MaxmindAsn,
        Self::IpinfoLite,
    ];

    /// Its word in configuration and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DbipCountry => "dbip-country",
            Self::DbipCity => "dbip-city",
            Self::DbipAsn => "dbip-asn",
            Self::MaxmindCountry => "maxmind-country",
            Self::MaxmindCity => "maxmind-city",
            Self::MaxmindAsn => "maxmind-asn",
            Self::IpinfoLite => "ipinfo-lite",
        }
    }

    /// Its maker's name for the file, without date and ending.
    const fn name(self) -> &'static str {
        match self {
            Self::DbipCountry => "dbip-country-lite",
            Self::DbipCity => "dbip-city-lite",
            Self::DbipAsn => "dbip-asn-lite",
            Self::MaxmindCountry => "GeoLite2-Country",
            Self::MaxmindCity => "GeoLite2-City",
            Self::MaxmindAsn => "GeoLite2-ASN",
            Self::IpinfoLite => "ipinfo_lite",
        }
    }

    /// The source that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }

    /// The name under which it is kept: the same every month, so that the configuration stays.
    pub fn file(self) -> String {
        format!("{}.mmdb", self.name())
    }

    /// Whether it must know countries, and whether AS numbers.
    pub const fn gives(self) -> (bool, bool) {
        match self {
            Self::DbipCountry | Self::DbipCity | Self::MaxmindCountry | Self::MaxmindCity => (true, false),
            Self::DbipAsn | Self::MaxmindAsn => (false, true),
            Self::IpinfoLite => (true, true),
        }
    }

    /// By whom one has to be known.
    pub const fn account(self) -> Account {
        match self {
            Self::DbipCountry | Self::DbipCity | Self::DbipAsn => Account::None,
            Self::MaxmindCountry | Self::MaxmindCity | Self::MaxmindAsn => Account::Maxmind,
            Self::IpinfoLite => Account::Ipinfo,
        }
    }

    /// Licence, and what is to be shown with results.
    pub const fn terms(self) -> (&'static str, &'static str) {
        match self.account() {
            Account::None => ("CC BY 4.0", "IP Geolocation by DB-IP (https://db-ip.com)"),
            Account::Maxmind => (
                "GeoLite End User License Agreement",
                "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com",
            ),
            Account::Ipinfo => ("CC BY-SA 4.0", "IP address data powered by IPinfo (https://ipinfo.io)"),
        }
    }

    /// The terms of a file by its `database_type`; `None` for those whose maker sells other licences under the same name.
    pub fn terms_of_kind(kind: &str) -> Option<(&'static str, &'static str)> {
        let kind = kind.to_ascii_lowercase();
        let has = |word: &str| kind.contains(word);
        match () {
            // Before MaxMind's: `DBIP-ASN-Lite (compat=GeoLite2-ASN)`.
            () if (has("dbip") || has("db-ip")) && has("lite") => Some(Self::DbipCountry.terms()),
            () if has("geolite2") => Some(Self::MaxmindCountry.terms()),
            () if has("ipinfo") && has("lite") => Some(Self::IpinfoLite.terms()),
            () if has("whither-geo") => Some(("CC BY-SA 4.0", "see the sources below")),
            () => None,
        }
    }

    /// The addresses to try in order; a month's file may not be there yet in its first days. Without the token.
    pub fn addresses(self, today: Date, mirror: Option<&str>) -> Vec<String> {
        let base = |official: &'static str| mirror.map_or_else(|| official.to_owned(), with_slash);
        let name = self.name();
        match self.account() {
            Account::None => [today, today.first_of_month().yesterday().unwrap_or(today)]
                .into_iter()
                .map(|day| {
                    let (year, month) = (day.year(), day.month());
                    let base = base("https://download.db-ip.com/free/");
                    format!("{base}{name}-{year:04}-{month:02}.mmdb.gz")
                })
                .collect(),
            Account::Maxmind if mirror.is_some() => vec![format!("{}{name}.tar.gz", base(""))],
            Account::Maxmind => {
                vec![format!("https://download.maxmind.com/geoip/databases/{name}/download?suffix=tar.gz")]
            }
            Account::Ipinfo => vec![format!("{}{name}.mmdb", base("https://ipinfo.io/data/"))],
        }
    }

    /// The source whose kept file has this name.
    pub fn of_file(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.file() == name)
    }
}

fn with_slash(base: &str) -> String {
    if base.ends_with('/') { base.to_owned() } else { format!("{base}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_are_of_one_source_each() {
        for source in Source::ALL {
            assert_eq!(Source::parse(source.word()), Some(source));
            assert_eq!(Source::of_file(&source.file()), Some(source));
            assert_eq!(serde_json::to_value(source).unwrap(), source.word());
        }
        assert_eq!(Source::parse("dbip"), None);
    }

    #[test]
    fn terms_are_known_by_the_kind_of_a_file() {
        let license = |kind| Source::terms_of_kind(kind).map(|(license, _)| license);
        assert_eq!(license("DBIP-ASN-Lite (compat=GeoLite2-ASN)"), Some("CC BY 4.0"));
        assert_eq!(license("GeoLite2-City"), Some("GeoLite End User License Agreement"));
        assert_eq!(license("ipinfo ipinfo_lite.mmdb"), Some("CC BY-SA 4.0"));
        for unknown in
            ["DBIP-Location-ISP (compat=Enterprise)", "GeoIP2-City", "ipinfo standard_location.mmdb"]
        {
            assert_eq!(license(unknown), None, "{unknown}: sold under terms of its own");
        }
    }

    #[test]
    fn this_month_is_tried_before_the_last_one_over_the_turn_of_the_year_too() {
        let day = Date::constant(2027, 1, 1);
        assert_eq!(
            Source::DbipAsn.addresses(day, None),
            [
                "https://download.db-ip.com/free/dbip-asn-lite-2027-01.mmdb.gz",
                "https://download.db-ip.com/free/dbip-asn-lite-2026-12.mmdb.gz",
            ]
        );
        assert_eq!(
            Source::DbipCountry.addresses(day, Some("https://m/x")).first().unwrap(),
            "https://m/x/dbip-country-lite-2027-01.mmdb.gz"
        );
        assert_eq!(
            Source::MaxmindCity.addresses(day, Some("https://m/x/")),
            ["https://m/x/GeoLite2-City.tar.gz"]
        );
        assert_eq!(Source::IpinfoLite.addresses(day, None), ["https://ipinfo.io/data/ipinfo_lite.mmdb"]);
    }
}
