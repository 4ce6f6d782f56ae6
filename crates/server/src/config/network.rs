//! Address blocks, such as those of trusted proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// Text that is no address and no block of addresses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not an IP address or a block such as 10.0.0.0/8: {reason}")]
pub struct NetworkError {
    text: String,
    reason: &'static str,
}

/// A block of IP addresses in CIDR notation; a single address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u32,
}

impl Network {
    /// Whether `address` lies in the block. An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = mask(32, self.prefix_bits);
                u128::from(base.to_bits()) == u128::from(address.to_bits()) & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                base.to_bits() == address.to_bits() & mask(128, self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// The `prefix_bits` highest of `width` bits.
fn mask(width: u32, prefix_bits: u32) -> u128 {
    let all = u128::MAX >> (128 - width);
    all & !all.checked_shr(prefix_bits).unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = |reason| NetworkError { text: text.to_owned(), reason };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| wrong("the address cannot be read"))?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => width,
            Some(bits) => {
                bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(|| wrong("wrong prefix length"))?
            }
        };
        let network = Self { base, prefix_bits };
        // A base with bits beyond the prefix is more likely a slip of the pen than a block.
        if network.contains(base) { Ok(network) } else { Err(wrong("the address has bits beyond the prefix")) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn blocks_contain_their_addresses_alone() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.6"),
            ("192.168.1.128/25", "192.168.1.200", "192.168.1.100"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
            ("127.0.0.0/8", "::ffff:127.0.0.9", "::1"),
        ] {
            assert!(network(block).contains(inside.parse().unwrap()), "{inside} in {block}");
            assert!(!network(block).contains(outside.parse().unwrap()), "{outside} not in {block}");
        }
        assert!(network("0.0.0.0/0").contains("203.0.113.9".parse().unwrap()));
        assert!(network("::/0").contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn slips_are_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "proxy", "::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_block_reads_back_as_it_prints() {
        for text in ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"] {
            assert_eq!(network(text).to_string(), text);
        }
    }
}
