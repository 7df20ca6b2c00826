//! Texts, numbers, truths and dates.

use super::{
    Fault, Kind,
    cursor::{ends_line, is_blank},
    reader::Reader,
};

const QUOTE: &str = "put texts that are no plain words in quotes";

/// What ends a number.
fn ends_number(c: Option<char>) -> bool {
    c.is_none_or(|c| ends_line(c) || is_blank(c) || matches!(c, '}' | ';' | ','))
}

fn ends_word(c: char) -> bool {
    ends_line(c) || is_blank(c) || matches!(c, ';' | ',' | ']' | '}')
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

impl Reader<'_> {
    /// A value that is neither a list nor a map.
    pub(super) fn scalar(&mut self) -> Result<Kind, Fault> {
        match self.cursor.peek() {
            Some('\'') => {
                self.cursor.next();
                Ok(Kind::String(self.raw('\'')?.into()))
            }
            Some('"') => {
                self.cursor.next();
                self.escaped()
            }
            Some('(') => {
                self.cursor.next();
                self.block()
            }
            Some('-') => {
                let start = self.cursor.position();
                self.cursor.next();
                self.number(start, true)
            }
            Some(c) if is_digit(c) => self.number(self.cursor.position(), false),
            Some('.') => self.cursor.fault("a value begins with a `.`", QUOTE),
            Some(c) if ends_line(c) => {
                self.cursor.fault("a key has no value", "begin the value on the key's line")
            }
            _ => self.word(self.cursor.position()),
        }
    }

    /// The text up to a quote, as it stands. The quote before it has been taken.
    pub(super) fn raw(&mut self, quote: char) -> Result<String, Fault> {
        let begin = self.cursor.at();
        let text = self.cursor.take_while(|c| c != quote).to_owned();
        if self.cursor.eat(quote) {
            return Ok(text);
        }
        let message = "a quote is not closed".to_owned();
        Err(Fault { at: begin, message, help: "close it with the same sign" })
    }

    /// A text with escapes. The `"` before it has been taken.
    fn escaped(&mut self) -> Result<Kind, Fault> {
        let begin = self.cursor.at();
        let mut bytes = Vec::new();
        loop {
            match self.cursor.next() {
                None => {
                    let message = "a quote is not closed".to_owned();
                    return Err(Fault { at: begin, message, help: "close it with the same sign" });
                }
                Some('"') => return self.text(bytes),
                Some('\\') => bytes.push(self.escape()?),
                Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What stands behind a `\`.
    fn escape(&mut self) -> Result<u8, Fault> {
        match self.cursor.next() {
            Some('t') => Ok(b'\t'),
            Some('n') => Ok(b'\n'),
            Some('r') => Ok(b'\r'),
            Some('"') => Ok(b'"'),
            Some('\\') => Ok(b'\\'),
            Some('x') => {
                let mut digit = || self.cursor.next().and_then(|c| c.to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).or(Ok(0)),
                    _ => self.cursor.fault("`\\x` wants two hexadecimal digits", ESCAPES),
                }
            }
            _ => self.cursor.fault("an unknown escape", ESCAPES),
        }
    }

    fn text(&self, bytes: Vec<u8>) -> Result<Kind, Fault> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Kind::String(text.into())),
            Err(_) => self.cursor.fault("the escapes of a text do not make UTF-8", ESCAPES),
        }
    }

    /// A text over several lines, up to a `)` alone on its line.
    fn block(&mut self) -> Result<Kind, Fault> {
        let rest = self.cursor.rest();
        let ends = |at: &usize| {
            let behind = rest.get(at + 2..).unwrap_or_default();
            behind.is_empty() || behind.starts_with('\n')
        };
        // A block that is empty but for its end begins with that line break.
        let Some(at) = rest.match_indices("\n)").map(|(at, _)| at).find(ends) else {
            return self
                .cursor
                .fault("a `(` is not closed", "close it with `)` on a line of its own");
        };
        let end = self.cursor.position() + at + 2;
        while self.cursor.position() < end {
            self.cursor.next();
        }
        Ok(Kind::String(rest.get(..=at).unwrap_or_default().into()))
    }

    /// A bare word; what of it has been taken begins at `start`.
    fn word(&mut self, start: usize) -> Result<Kind, Fault> {
        let mut bytes = self.cursor.since(start).as_bytes().to_vec();
        let mut has_escapes = false;
        loop {
            match self.cursor.peek() {
                Some('\\') => {
                    self.cursor.next();
                    has_escapes = true;
                    bytes.push(self.escape()?);
                }
                Some('\'') => {
                    self.cursor.next();
                    return self.text(bytes);
                }
                Some(c) if !ends_word(c) => {
                    self.cursor.next();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => break,
            }
        }
        let kind = self.text(bytes)?;
        let Kind::String(word) = &kind else { return Ok(kind) };
        Ok(match word.to_lowercase().as_str() {
            _ if has_escapes => kind,
            "true" | "yes" | "on" => Kind::Bool(true),
            "false" | "no" | "off" => Kind::Bool(false),
            _ => match word.strip_prefix('$') {
                Some(name) => self.variable(name),
                None => kind,
            },
        })
    }

    /// A number, or what begins like one: a date, an address, a word.
    fn number(&mut self, start: usize, negative: bool) -> Result<Kind, Fault> {
        let digits = self.cursor.take_while(is_digit);
        if digits.is_empty() {
            return self.cursor.fault("a value begins with `-` and is no number", QUOTE);
        }
        match self.cursor.peek() {
            Some('-') if !negative => {
                self.cursor.next();
                if digits.len() == 4 { self.date() } else { self.no_date() }
            }
            Some('.') => {
                self.cursor.next();
                if self.cursor.take_while(is_digit).is_empty() {
                    return self.cursor.fault("a number ends with a `.`", QUOTE);
                }
                if !self.cursor.eat('.') {
                    return Ok(Kind::Other("a number with a fraction"));
                }
                self.cursor.take_while(|c| is_digit(c) || matches!(c, '.' | ':' | '-'));
                Ok(Kind::String(self.cursor.since(start).into()))
            }
            Some(c) if "kmgtpe".contains(c.to_ascii_lowercase()) => {
                self.cursor.next();
                self.cursor.take_while(|c| matches!(c, 'b' | 'B' | 'i' | 'I'));
                if ends_number(self.cursor.peek()) { self.integer(start) } else { self.word(start) }
            }
            c if negative || ends_number(c) => self.integer(start),
            // As the server does: what ends the number is part of the word, whatever it is.
            _ => {
                self.cursor.next();
                self.word(start)
            }
        }
    }

    fn integer(&self, start: usize) -> Result<Kind, Fault> {
        let text = self.cursor.since(start);
        let unit = text.trim_start_matches(|c| is_digit(c) || c == '-');
        let number: Option<i64> = text.strip_suffix(unit).and_then(|number| number.parse().ok());
        let unit = unit.to_lowercase();
        let mut letters = unit.chars();
        let power = letters.next().and_then(|letter| "kmgtpe".find(letter)).map(|at| at as u32 + 1);
        let factor = match (power, letters.as_str()) {
            (None, _) => Some(1),
            (Some(power), "") => 1000_i64.checked_pow(power),
            (Some(power), "b" | "i" | "ib") => 1024_i64.checked_pow(power),
            (Some(_), _) => return self.cursor.fault("a number has an unknown unit", UNITS),
        };
        match number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor)) {
            Some(number) => Ok(Kind::Integer(number)),
            None => self.cursor.fault("a number is out of range", UNITS),
        }
    }

    /// The rest of `2006-01-02T15:04:05Z`, behind the year.
    fn date(&mut self) -> Result<Kind, Fault> {
        for expected in "00-00T00:00:00Z".chars() {
            let fits = match self.cursor.next() {
                Some(c) if expected == '0' => is_digit(c),
                c => c == Some(expected),
            };
            if !fits {
                return self.no_date();
            }
        }
        Ok(Kind::Other("a date"))
    }

    fn no_date(&self) -> Result<Kind, Fault> {
        self.cursor.fault("a value begins like a date and is none", QUOTE)
    }
}

const ESCAPES: &str = "known are \\xXX, \\t, \\n, \\r, \\\" and \\\\";
const UNITS: &str = "write a whole number with one of k, m, g, t, p, e, or kb, mb and so on";
