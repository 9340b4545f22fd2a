//! How much of a payload's texts and lists mails show.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::Field;
use crate::template::Report;

/// How much of a text or a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Nothing.
    Nothing,
    /// So many characters or entries at most.
    First(usize),
    /// All of it.
    All,
}

impl Extent {
    fn of(cut: Option<usize>) -> Self {
        cut.map_or(Self::All, Self::First)
    }

    /// How many characters or entries show all that can be seen: one more than are shown, where a template then says
    /// that there are more.
    pub fn length(self) -> usize {
        match self {
            Self::Nothing => 1,
            Self::First(length) => length.saturating_add(1),
            Self::All => usize::MAX,
        }
    }
}

/// What mails show, by the fields' pointers in the schema.
#[derive(Debug, Default)]
pub struct Shown {
    texts: BTreeMap<String, Extent>,
    entries: BTreeMap<String, Extent>,
}

impl Shown {
    /// What mails show together.
    pub fn by<'r, 's: 'r>(reports: impl IntoIterator<Item = &'r Report<'s>>) -> Self {
        let mut shown = Self::default();
        for report in reports {
            for print in &report.prints {
                print.sources.iter().for_each(|field| shown.print(field, Extent::of(print.cut)));
            }
            for each in &report.loops {
                each.lists.iter().for_each(|list| raise(&mut shown.entries, list, Extent::of(each.cut)));
            }
        }
        shown
    }

    /// Printing a list or an object prints all that is in it.
    fn print(&mut self, field: &Field<'_>, extent: Extent) {
        let (mut open, mut seen) = (vec![field.clone()], BTreeSet::new());
        while let Some(field) = open.pop() {
            if seen.insert(field.pointer().to_owned()) {
                raise(&mut self.texts, &field, extent);
                open.extend(field.below().map(|(_, below)| below));
            }
        }
    }

    /// How much of a text is shown.
    pub fn text(&self, field: &Field<'_>) -> Extent {
        self.texts.get(field.pointer()).copied().unwrap_or(Extent::Nothing)
    }

    /// How many entries or members are shown.
    pub fn entries(&self, field: &Field<'_>) -> Extent {
        self.entries.get(field.pointer()).copied().unwrap_or(Extent::Nothing).max(self.text(field))
    }
}

fn raise(extents: &mut BTreeMap<String, Extent>, field: &Field<'_>, extent: Extent) {
    let known = extents.entry(field.pointer().to_owned()).or_insert(Extent::Nothing);
    *known = extent.max(*known);
}
