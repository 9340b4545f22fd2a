//! What a condition implies about the payload if it is true.

use std::collections::BTreeMap;

use crate::field::Types;

/// What is known about one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// Whether it is certainly present.
    pub present: bool,
    /// The types it may have.
    pub types: Types,
    /// Whether it starts like a harmless address.
    pub link: bool,
}

/// What is known, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// One fact; nothing if there is no path.
    pub fn one(path: Option<&str>, present: bool, types: Types) -> Self {
        Self(path.map(|path| (path.to_owned(), Fact { present, types, link: false })).into_iter().collect())
    }

    /// The fact that a value is present and starts like a harmless address.
    pub fn link(path: Option<&str>) -> Self {
        Self(
            path.map(|path| (path.to_owned(), Fact { present: true, types: Types::ALL, link: true }))
                .into_iter()
                .collect(),
        )
    }

    /// What is known about a path.
    pub fn get(&self, path: &str) -> Option<Fact> {
        self.0.get(path).copied()
    }

    /// What is known if both are true.
    pub fn and(mut self, other: Self) -> Self {
        for (path, fact) in other.0 {
            let known = self.0.entry(path).or_insert(fact);
            *known = Fact {
                present: known.present || fact.present,
                types: known.types.and(fact.types),
                link: known.link || fact.link,
            };
        }
        self
    }

    /// What is known if one of them is true, but not which one.
    pub fn or(self, other: &Self) -> Self {
        let common = self.0.into_iter().filter_map(|(path, fact)| {
            let same = other.0.get(&path)?;
            let (present, link) = (fact.present && same.present, fact.link && same.link);
            Some((path, Fact { present, types: fact.types.or(same.types), link }))
        });
        Self(common.collect())
    }
}

/// What follows from a condition, by its result.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is known if it is true.
    pub yes: Facts,
    /// What is known if it is false.
    pub no: Facts,
}

impl Outcome {
    /// The result of the negated condition.
    pub fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}
