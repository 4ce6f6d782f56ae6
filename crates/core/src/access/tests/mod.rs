//! Tests of access: who may do what, as a matrix of all operations and kinds of principals.

mod house;
mod matrix;
