//! Patterns, paths and templates by example.

mod inputs;
mod patterns;
mod random;
