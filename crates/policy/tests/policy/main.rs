//! Policies as users write them, and what is decided with them.

mod decisions;
mod differential;
mod grammar;
mod naive;
mod random;
mod resources;
mod texts;
