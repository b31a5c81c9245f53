//! How a Rust host builds the fields of a command.

/// Gives a type a setter for each of these fields, so that a host can write the whole value as one expression.
///
/// Each is named after its field, and takes what the field holds if it is there.
macro_rules! setters {
    ($name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        impl $name {$(
            #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
            #[must_use]
            pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                let $field: $type = $field.into();
                self.$field = $field.into();
                self
            }
        )+}
    };
}
pub(crate) use setters;

/// Turns the fields of commands into commands. The variant of a command has the name of its fields.
macro_rules! from_fields {
    ($command:ident: $($name:ident),+ $(,)?) => {$(
        impl From<$name> for $command {
            fn from(fields: $name) -> Self {
                Self::$name(fields.into())
            }
        }
    )+};
}
pub(crate) use from_fields;
