//! From wire to domain and back, one file for each service: decode, name the resource, ask for leave, call, encode.

pub mod secretsmanager;
