//! Tests of metrics and alarms on a clock that is handed in.
