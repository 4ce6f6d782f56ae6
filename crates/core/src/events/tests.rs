//! Events: rules, targets, the work.
