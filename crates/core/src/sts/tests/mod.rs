//! Tests of the operations of STS.
