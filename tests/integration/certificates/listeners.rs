//! The other listeners.
