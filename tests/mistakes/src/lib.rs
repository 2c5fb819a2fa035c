//! Never compiled: the build script finds mistakes.
