//! Blocks of addresses in conditions: which addresses they hold, and how many together.

use std::net::{IpAddr, Ipv6Addr};

/// The fewest leading bits of a single block, and of all blocks together as far as their number says: /8 and /7 of
/// IPv4, /32 and /31 of IPv6. So the private networks of IPv4, a /8 and less, still fit.
const V4_BITS_MIN: u32 = 8;
const V6_BITS_MIN: u32 = 32;

/// The leading bits of IPv6 that all addresses of IPv4 mapped into it have (RFC 4291 section 2.5.5.2).
const MAPPED_BITS: u32 = 96;

/// A block of addresses: those that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Block {
    is_v6: bool,
    first: u128,
    /// How many bits may be anything.
    free_bits: u32,
}

/// A block as a condition compares it: of one kind of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    is_v6: bool,
    first: u128,
    free_bits: u32,
}

impl Cidr {
    /// Reads what [`Block::parse`] reads. A block of IPv6 holds no address of IPv4, unless all of it lies among those that
    /// are mapped into IPv6.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = read(text).ok()?;
        let (is_v6, first, free_bits) = match (address, address.to_canonical()) {
            (IpAddr::V4(address), _) => (false, u128::from(address.to_bits()), 32 - bits),
            (_, IpAddr::V4(address)) if bits >= MAPPED_BITS => (false, u128::from(address.to_bits()), 128 - bits),
            (IpAddr::V6(address), _) => (true, u128::from(address), 128 - bits),
        };
        Some(Self { is_v6, first: first & !free_mask(free_bits), free_bits })
    }

    /// Whether it holds the address. IPv4 mapped into IPv6 is IPv4.
    pub(crate) fn holds(self, address: IpAddr) -> bool {
        let (is_v6, bits) = match address.to_canonical() {
            IpAddr::V4(address) => (false, u128::from(address.to_bits())),
            IpAddr::V6(address) => (true, u128::from(address)),
        };
        self.is_v6 == is_v6 && bits & !free_mask(self.free_bits) == self.first
    }
}

/// Why a text is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBlock {
    /// It does not begin with an address.
    NoAddress,
    /// Its prefix is no number, or longer than the address.
    ImpossiblePrefix,
}

impl Block {
    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. IPv4 mapped into IPv6 is IPv4.
    pub(crate) fn parse(text: &str) -> Result<Self, NoBlock> {
        let (address, bits) = read(text)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        Ok(match address {
            IpAddr::V4(address) => Self::new(false, u128::from(address.to_bits()), width - bits),
            IpAddr::V6(address) => Self::of_v6(address, bits),
        })
    }

    fn of_v6(address: Ipv6Addr, bits: u32) -> Self {
        let mapped = Self::new(true, u128::from(Ipv6Addr::from([0, 0, 0, 0, 0, 0xffff, 0, 0])), 128 - MAPPED_BITS);
        let block = Self::new(true, u128::from(address), 128 - bits);
        if mapped.holds(&block) {
            return Self::new(false, block.first & u128::from(u32::MAX), block.free_bits);
        }
        // All of IPv4 and more.
        if block.holds(&mapped) { Self::new(false, 0, 32) } else { block }
    }

    fn new(is_v6: bool, address: u128, free_bits: u32) -> Self {
        let free = free_mask(free_bits);
        Self { is_v6, first: address & !free, free_bits }
    }

    /// Blocks either lie apart or one in the other.
    fn holds(&self, other: &Self) -> bool {
        self.is_v6 == other.is_v6
            && self.free_bits >= other.free_bits
            && other.first & !free_mask(self.free_bits) == self.first
    }

    const fn is_narrow(&self) -> bool {
        if self.is_v6 { self.free_bits <= 128 - V6_BITS_MIN } else { self.free_bits <= 32 - V4_BITS_MIN }
    }
}

/// An address, and how many of its leading bits are fixed.
fn read(text: &str) -> Result<(IpAddr, u32), NoBlock> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| NoBlock::NoAddress)?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match prefix {
        None => width,
        Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
            prefix.parse::<u32>().ok().filter(|bits| *bits <= width).ok_or(NoBlock::ImpossiblePrefix)?
        }
        Some(_) => return Err(NoBlock::ImpossiblePrefix),
    };
    Ok((address, bits))
}

fn free_mask(free_bits: u32) -> u128 {
    1_u128.checked_shl(free_bits).map_or(u128::MAX, |size| size - 1)
}

/// Whether `blocks` hold few addresses, each of them and all together. What lies in several counts once.
pub(crate) fn are_narrow(blocks: &[Block]) -> bool {
    if !blocks.iter().all(Block::is_narrow) {
        return false;
    }
    let mut sorted = blocks.to_vec();
    // The widest of those that begin alike comes first, so that a block comes after all that hold it.
    sorted.sort_by_key(|block| (block.is_v6, block.first, std::cmp::Reverse(block.free_bits)));
    let (mut v4, mut v6) = (0_u128, 0_u128);
    let mut last: Option<Block> = None;
    for block in sorted {
        if last.is_some_and(|last| last.holds(&block)) {
            continue;
        }
        let sum = if block.is_v6 { &mut v6 } else { &mut v4 };
        *sum = sum.saturating_add(1_u128.checked_shl(block.free_bits).unwrap_or(u128::MAX));
        last = Some(block);
    }
    v4 <= 2 << (32 - V4_BITS_MIN) && v6 <= 2 << (128 - V6_BITS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(texts: &[&str]) -> bool {
        are_narrow(&texts.iter().map(|text| Block::parse(text).expect("a block")).collect::<Vec<_>>())
    }

    #[test]
    fn prefixes_are_no_longer_than_addresses() {
        for text in ["192.0.2.0/33", "192.0.2.0/128", "192.0.2.0/", "192.0.2.0/+8", "::/129", "::/-1", "::1/8/8"] {
            assert_eq!(Block::parse(text), Err(NoBlock::ImpossiblePrefix), "{text}");
        }
        for text in ["", "*", "192.0.2/24", "example.org", "${aws:SourceIp}", "[::1]"] {
            assert_eq!(Block::parse(text), Err(NoBlock::NoAddress), "{text}");
        }
        assert_eq!(Block::parse("192.0.2.7"), Block::parse("192.0.2.7/32"));
        assert_eq!(Block::parse("192.0.2.7/24"), Block::parse("192.0.2.0/24"));
    }

    #[test]
    fn blocks_hold_addresses_of_their_kind() {
        let holds = |block: &str, address: &str| {
            Cidr::parse(block).expect("a block").holds(address.parse().expect("an address"))
        };
        for (block, address) in [
            ("192.0.2.0/24", "192.0.2.255"),
            ("192.0.2.7/24", "192.0.2.1"),
            ("0.0.0.0/0", "8.8.8.8"),
            ("192.0.2.0/24", "::ffff:192.0.2.9"),
            ("::ffff:192.0.2.0/120", "192.0.2.9"),
            ("2001:db8::/32", "2001:db8:1::1"),
            ("::/0", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert!(holds(block, address), "{block} {address}");
        }
        for (block, address) in [
            ("192.0.2.0/24", "192.0.3.0"),
            ("192.0.2.1", "192.0.2.2"),
            ("::/0", "192.0.2.1"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("2001:db8::/32", "2001:db9::1"),
        ] {
            assert!(!holds(block, address), "{block} {address}");
        }
    }

    #[test]
    fn a_single_block_may_not_be_wide() {
        for text in ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "2001:db8::1"] {
            assert!(narrow(&[text]), "{text}");
        }
        for text in ["0.0.0.0/0", "10.0.0.0/7", "2001:db8::/31", "::/0", "2000::/3"] {
            assert!(!narrow(&[text]), "{text}");
        }
    }

    #[test]
    fn many_blocks_count_together_and_what_they_share_once() {
        assert!(narrow(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]));
        assert!(narrow(&["10.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/9", "11.0.0.0/8"]));
        assert!(!narrow(&["10.0.0.0/8", "11.0.0.0/8", "12.0.0.1"]));
        let all: Vec<String> = (0..256).map(|n| format!("{n}.0.0.0/8")).collect();
        assert!(!narrow(&all.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(narrow(&["2001:db8::/32", "2001:db9::/32"]));
        assert!(!narrow(&["2001:db8::/32", "2001:db9::/32", "2001:dba::/32"]));
    }

    #[test]
    fn ipv4_mapped_into_ipv6_is_ipv4() {
        assert_eq!(Block::parse("::ffff:192.0.2.0/120"), Block::parse("192.0.2.0/24"));
        assert_eq!(Block::parse("::ffff:0:0/96"), Block::parse("0.0.0.0/0"));
        assert!(!narrow(&["::ffff:0:0/96"]));
        assert!(!narrow(&["::ffff:0:0/97"]));
        assert!(!narrow(&["::/32"]), "it holds all of IPv4");
        assert!(narrow(&["::ffff:10.0.0.0/104"]));
        assert!(narrow(&["10.0.0.0/8", "::ffff:10.0.0.0/104", "11.0.0.0/8"]));
    }
}
