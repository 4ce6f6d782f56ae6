//! Rotations against stubs of the partners, made from their public documentation.

mod atlas;
mod client;
mod confluent;
mod datadog;
mod gitlab;
mod jenkins;
mod memory;
mod sonarqube;
mod states;
mod stub;
