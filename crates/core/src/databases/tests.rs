//! Tests of databases and of the guards of their secrets.
