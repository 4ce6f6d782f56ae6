//! Any bytes as the stream of a store: reading them never panics and takes no more memory than there is to read, and what is
//! read as whole says its length and its counts right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_store::transfer::{read_header, read_through};

fuzz_target!(|data: &[u8]| {
    let header = read_header(data);
    let Ok(summary) = read_through(data) else { return };
    let header = header.expect("what is read as a whole begins as it should");
    assert_eq!((summary.id, summary.base, summary.taken_ms), (header.id, header.base, header.taken_ms));
    assert_eq!(summary.bytes, data.len() as u64);
    // What is whole is not whole with anything taken away or added.
    assert!(read_through(&data[..data.len() - 1]).is_err());
    assert!(read_through([data, &[0]].concat().as_slice()).is_err());
});
