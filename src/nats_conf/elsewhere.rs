//! What stands elsewhere: other files, and the values of variables.

use super::{
    Fault, Kind,
    cursor::{ends_line, is_blank},
    reader::{self, Reader},
};

/// Files that include files that include files.
const LONGEST_TRAIL: usize = 16;

impl Reader<'_> {
    /// The keys of another file, which begins afresh: it knows none of our variables.
    pub(super) fn include(&mut self) -> Result<(), Fault> {
        self.blanks();
        let named = match self.cursor.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.cursor.next();
                self.raw(quote)?
            }
            Some(c) if !(ends_line(c) || c.is_ascii_digit() || "[{(-\\".contains(c)) => {
                let ends = |c| ends_line(c) || is_blank(c) || matches!(c, ';' | '}' | '\'');
                let named = self.cursor.take_while(|c| !ends(c)).to_owned();
                self.cursor.eat('\'');
                named
            }
            _ => {
                return self.cursor.fault("`include` names no file", "write `include ./file.conf`");
            }
        };
        let found = (self.include)(self.cursor.file(), &named);
        let (path, bytes) = match found {
            Ok(found) => found,
            Err(why) => {
                let message = format!("`{named}` cannot be included: {why}");
                return self
                    .cursor
                    .fault(message, "a path starts at the including file's directory");
            }
        };
        if self.trail.iter().any(|file| **file == *path) {
            let message = format!("`{path}` includes itself");
            return self.cursor.fault(message, "remove one `include` of the circle");
        }
        if self.trail.len() >= LONGEST_TRAIL {
            let message = format!("`{path}` is one file too deep");
            return self.cursor.fault(message, "16 files may include one another");
        }
        for entry in reader::file(&path, bytes, self.include, self.trail)?.entries {
            self.put(entry);
        }
        Ok(())
    }

    /// What a variable stands for, by the maps around it from the inside out.
    pub(super) fn variable(&mut self, name: &str) -> Kind {
        // Passwords that bcrypt made begin like a variable.
        if name.starts_with("2a$") {
            return Kind::String(format!("${name}").into());
        }
        for map in self.open.iter_mut().rev() {
            if let Some(entry) = map.entries.iter_mut().find(|entry| entry.key == name) {
                entry.is_variable = true;
                return entry.node.kind.clone();
            }
        }
        Kind::Variable(name.into())
    }
}
