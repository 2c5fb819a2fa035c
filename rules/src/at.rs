//! Where a value is in the message that it is part of.

use std::fmt;

/// A place in a JSON value, as a way back to its root.
///
/// A place is a link to the one around it, on the stack: making one allocates nothing, and only a
/// [`Violation`](crate::Violation) writes it down.
///
/// ```
/// use specwire_rules::At;
///
/// let legs = At::ROOT.member("legs");
/// assert_eq!(legs.item(3).pointer(), "/legs/3");
/// assert_eq!(At::ROOT.pointer(), "");
/// assert_eq!(At::ROOT.member("a/b~c").pointer(), "/a~1b~0c");
/// ```
#[derive(Clone, Copy)]
pub struct At<'a>(Option<(&'a Self, Step<'a>)>);

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl<'a> At<'a> {
    /// The whole value.
    pub const ROOT: At<'static> = At(None);

    /// The member of this object.
    #[must_use]
    pub const fn member<'b>(&'b self, name: &'b str) -> At<'b>
    where
        'a: 'b,
    {
        At(Some((self, Step::Member(name))))
    }

    /// The item of this array.
    #[must_use]
    pub const fn item<'b>(&'b self, index: usize) -> At<'b>
    where
        'a: 'b,
    {
        At(Some((self, Step::Item(index))))
    }

    /// The place as a JSON pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut at = *self;
        while let Some((around, step)) = at.0 {
            steps.push(step);
            at = *around;
        }
        let mut pointer = String::new();
        for step in steps.iter().rev() {
            pointer.push('/');
            match step {
                Step::Member(name) => {
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                Step::Item(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

impl fmt::Debug for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At({:?})", self.pointer())
    }
}
