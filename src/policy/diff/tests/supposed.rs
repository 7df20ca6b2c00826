//! The comparison against decisions: what is not called wider lets nobody do more.
