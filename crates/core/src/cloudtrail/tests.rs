//! Tests of CloudTrail's operations.
