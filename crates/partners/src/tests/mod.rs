//! Rotations against stubs of the partners, made from their public documentation.
