//! The members of an event, each of the type that the page about events says.

use std::str::FromStr;

use serde_json::Value;

use super::Unreadable;

/// `data` of an event, by JSON pointers into it.
#[derive(Clone, Copy)]
pub(super) struct Data<'a>(pub(super) &'a Value);

impl<'a> Data<'a> {
    /// What is there; `null` is.
    pub(super) fn at(self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer)
    }

    pub(super) fn text(self, pointer: &'static str) -> Result<Option<&'a str>, Unreadable> {
        self.of(pointer, "a text", Value::as_str)
    }

    pub(super) fn number(self, pointer: &'static str) -> Result<Option<u64>, Unreadable> {
        self.of(pointer, "a whole number", Value::as_u64)
    }

    /// `false` where it is absent.
    pub(super) fn flag(self, pointer: &'static str) -> Result<bool, Unreadable> {
        Ok(self.of(pointer, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    pub(super) fn texts(self, pointer: &'static str) -> Result<Option<Vec<&'a str>>, Unreadable> {
        self.of(pointer, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    pub(super) fn parsed<T: FromStr>(
        self,
        pointer: &'static str,
        what: &'static str,
    ) -> Result<Option<T>, Unreadable> {
        self.of(pointer, what, |value| value.as_str()?.parse().ok())
    }

    pub(super) fn needed<T: FromStr>(
        self,
        pointer: &'static str,
        what: &'static str,
    ) -> Result<T, Unreadable> {
        self.parsed(pointer, what)?.ok_or_else(|| absent(pointer))
    }

    pub(super) fn list<T: FromStr>(
        self,
        pointer: &'static str,
        what: &'static str,
    ) -> Result<Option<Vec<T>>, Unreadable> {
        self.of(pointer, what, |value| {
            value.as_array()?.iter().map(|it| it.as_str()?.parse().ok()).collect()
        })
    }

    pub(super) fn of<T>(
        self,
        pointer: &'static str,
        what: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Unreadable> {
        let Some(value) = self.at(pointer) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(pointer, what))
    }
}

pub(super) fn absent(pointer: &str) -> Unreadable {
    Unreadable(format!("`data{}` is absent", pointer.replace('/', ".")))
}

pub(super) fn wrong(pointer: &str, what: &str) -> Unreadable {
    Unreadable(format!("`data{}` is not {what}", pointer.replace('/', ".")))
}
