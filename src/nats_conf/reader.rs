//! The structure of a file: keys, maps, lists, includes, variables.

use std::sync::Arc;

use super::{
    At, Entry, Fault, Include, Kind, Map, Node,
    cursor::{Cursor, ends_line, is_blank},
};

/// Far above what people write, far below what the stack holds.
const DEEPEST: usize = 64;

/// Reads one file; `trail` has the files that are being read because one includes the next.
pub(super) fn file(
    path: &str,
    bytes: Vec<u8>,
    include: Include<'_>,
    trail: &mut Vec<Arc<str>>,
) -> Result<Map, Fault> {
    let path: Arc<str> = Arc::from(path);
    let bad = |bytes: &[u8], message: &str| {
        let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        let at = At { file: Arc::clone(&path), line };
        Fault { at, message: message.to_owned(), help: "save it as text in UTF-8" }
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        bad(error.as_bytes().get(..good).unwrap_or_default(), "the file is not UTF-8 text")
    })?;
    if let Some(at) = text.find('\0') {
        return Err(bad(text.as_bytes().get(..at).unwrap_or_default(), "the file has a NUL in it"));
    }
    trail.push(Arc::clone(&path));
    let mut reader = Reader {
        cursor: Cursor::new(path, &text),
        open: vec![Map::default()],
        depth: 0,
        include,
        trail,
    };
    reader.top()?;
    let map = reader.open.pop().unwrap_or_default();
    trail.pop();
    Ok(map)
}

pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    /// The maps that are not closed yet, the file itself first: where variables are looked for.
    pub(super) open: Vec<Map>,
    depth: usize,
    pub(super) include: Include<'a>,
    /// The files that are being read, each because the one before includes it.
    pub(super) trail: &'a mut Vec<Arc<str>>,
}

/// What the server accepts around the keys differs a little.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Nothing: the file itself.
    Top,
    /// The braces around the whole file, as in JSON.
    Whole,
    /// The braces of a value.
    Value,
}

impl Reader<'_> {
    fn top(&mut self) -> Result<(), Fault> {
        loop {
            self.space();
            match self.cursor.peek() {
                None => return Ok(()),
                _ if self.cursor.comment() => {}
                Some('{') => {
                    self.cursor.next();
                    self.members(Around::Whole)?;
                }
                // The server allows one brace too many at the end.
                Some('}') if self.cursor.rest().trim() == "}" => return Ok(()),
                Some(_) => {
                    self.entry(Around::Top)?;
                    self.end_of_top_value()?;
                }
            }
        }
    }

    fn end_of_top_value(&mut self) -> Result<(), Fault> {
        self.blanks();
        match self.cursor.peek() {
            None => Ok(()),
            Some(c) if ends_line(c) || matches!(c, ';' | ',' | '}') => {
                self.cursor.next();
                Ok(())
            }
            _ if self.cursor.comment() => Ok(()),
            _ => self.cursor.fault(
                "the value does not end where its line ends",
                "put texts with spaces in quotes, and each key on a line of its own",
            ),
        }
    }

    /// The keys of a map up to its `}`, which is taken.
    fn members(&mut self, around: Around) -> Result<(), Fault> {
        loop {
            self.space();
            match self.cursor.peek() {
                None if around == Around::Whole => return Ok(()),
                None => return self.cursor.fault("a `{` is not closed", "close it with `}`"),
                _ if self.cursor.comment() => continue,
                Some('}') => {
                    self.cursor.next();
                    return Ok(());
                }
                Some(_) => self.entry(around)?,
            }
            // Behind a value: a separator, or the end.
            loop {
                self.blanks();
                match self.cursor.peek() {
                    _ if self.cursor.comment() => {}
                    Some('}') => break,
                    Some(c) if ends_line(c) || matches!(c, ';' | ',') => {
                        self.cursor.next();
                        break;
                    }
                    None => return self.cursor.fault("a `{` is not closed", "close it with `}`"),
                    Some(_) => {
                        return self.cursor.fault(
                            "two values of a map have nothing between them",
                            "put `,` or a new line between them, and texts with spaces in quotes",
                        );
                    }
                }
            }
        }
    }

    /// A key with its value, or an include.
    fn entry(&mut self, around: Around) -> Result<(), Fault> {
        let at = self.cursor.at();
        let key = match self.cursor.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.cursor.next();
                self.raw(quote)?
            }
            Some('=' | ':' | '/' | '{' | ']') | None => {
                return self.cursor.fault("a key is expected here", "write `key: value`");
            }
            Some(_) => {
                let start = self.cursor.position();
                self.cursor.next();
                self.cursor.take_while(|c| !(c.is_whitespace() || matches!(c, '=' | ':')));
                let key = self.cursor.since(start).to_owned();
                let spaced = self.cursor.peek().is_some_and(char::is_whitespace);
                if spaced && key.eq_ignore_ascii_case("include") {
                    return self.include();
                }
                key
            }
        };
        self.space();
        let is_separated = self.cursor.eat('=') || self.cursor.eat(':');
        if is_separated && around == Around::Value {
            self.space();
        }
        let missing = match self.cursor.peek() {
            // Behind a separator it is an empty text, such as the value of an empty variable.
            None => !is_separated,
            Some(c) => around == Around::Value && matches!(c, ',' | '}'),
        };
        if missing {
            return self.cursor.fault("a key has no value", "write `key: value`");
        }
        let node = self.value()?;
        self.put(Entry { key, at, node, is_variable: false });
        Ok(())
    }

    /// A value anywhere.
    fn value(&mut self) -> Result<Node, Fault> {
        self.blanks();
        let at = self.cursor.at();
        let kind = match self.cursor.peek() {
            Some('[') => self.nested(Self::list)?,
            Some('{') => self.nested(Self::map)?,
            _ => self.scalar()?,
        };
        Ok(Node { kind, at })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Kind, Fault>) -> Result<Kind, Fault> {
        self.cursor.next();
        self.depth += 1;
        if self.depth > DEEPEST {
            let help = "nothing that the server reads is as deep";
            return self.cursor.fault("lists and maps are nested too deeply", help);
        }
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn map(&mut self) -> Result<Kind, Fault> {
        self.open.push(Map::default());
        self.members(Around::Value)?;
        Ok(Kind::Map(Arc::new(self.open.pop().unwrap_or_default())))
    }

    fn list(&mut self) -> Result<Kind, Fault> {
        const UNCLOSED: (&str, &str) = ("a `[` is not closed", "close it with `]`");
        let mut items = Vec::new();
        loop {
            self.space();
            match self.cursor.peek() {
                None => return self.cursor.fault(UNCLOSED.0, UNCLOSED.1),
                _ if self.cursor.comment() => continue,
                Some(']') => {
                    self.cursor.next();
                    return Ok(Kind::List(items.into()));
                }
                Some(',' | '/') => {
                    return self
                        .cursor
                        .fault("a value is expected here", "remove what is too much");
                }
                Some(_) => items.push(self.value()?),
            }
            loop {
                self.blanks();
                match self.cursor.peek() {
                    _ if self.cursor.comment() => {}
                    Some(']') => break,
                    Some(c) if ends_line(c) || c == ',' => {
                        self.cursor.next();
                        break;
                    }
                    None => return self.cursor.fault(UNCLOSED.0, UNCLOSED.1),
                    Some(_) => {
                        return self.cursor.fault(
                            "two values of a list have nothing between them",
                            "put `,` or a new line between them, and a space behind a number",
                        );
                    }
                }
            }
        }
    }

    pub(super) fn put(&mut self, entry: Entry) {
        if let Some(map) = self.open.last_mut() {
            map.put(entry);
        }
    }

    fn space(&mut self) {
        self.cursor.take_while(char::is_whitespace);
    }

    pub(super) fn blanks(&mut self) {
        self.cursor.take_while(is_blank);
    }
}
