//! Policies as users write them, and what is decided with them.

mod decisions;
mod grammar;
mod texts;
