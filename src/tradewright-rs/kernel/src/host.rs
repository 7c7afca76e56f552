//! What the kernel asks of the language it is embedded in.

/// An error raised by the user's code, carried through the kernel unopened.
pub struct HostError(pub Box<dyn std::any::Any + Send>);

impl std::fmt::Debug for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostError")
    }
}
