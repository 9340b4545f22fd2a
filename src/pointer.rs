//! JSON Pointers (RFC 6901): a place in a JSON text, as `/` and a name for each step, with `~` written as `~0` and `/`
//! as `~1`.

/// Writes a name as a step of a pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Reads a step of a pointer as a name.
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The pointer to a member of the place that `pointer` points to.
pub fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape(name))
}

/// The names on the way to a place, outermost first.
pub fn names(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(unescape)
}

#[cfg(test)]
mod tests {
    use super::{join, names};

    #[test]
    fn every_name_comes_back() {
        let all = ["", "a", "a/b", "m~n", "~1", "~01", "/", "ä"];
        let pointer = all.iter().fold(String::new(), |pointer, name| join(&pointer, name));
        assert_eq!(pointer, "//a/a~1b/m~0n/~01/~001/~1/ä");
        assert_eq!(names(&pointer).collect::<Vec<_>>(), all);
        assert_eq!(names("").count(), 0);
    }
}
