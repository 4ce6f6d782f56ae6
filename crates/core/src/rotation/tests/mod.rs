//! The engine over an in-memory store, with functions that act as the official templates do on a database that is a
//! field, a clock that is turned, and deaths at any place.

mod house;
mod seeds;
mod steps;
