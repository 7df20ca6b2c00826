//! Presets: what is known of the tokens of well-known IdPs, as data.
//!
//! Each is a TOML file with the public source of its token layout and, under `[settings]`, what
//! `[issuers.NAME]` then says by default. What the user writes wins, key by key.

use std::collections::BTreeMap;

use super::super::presets::PRESETS;
use crate::document::{Fields, Kind, Node, Place, Problem, Problems, Source, did_you_mean, parse};

/// What is known of the tokens of one kind of IdP.
#[derive(Debug)]
pub struct Preset {
    /// What the configuration calls it: `preset = "keycloak"`.
    pub name: &'static str,
    /// The file, as `hallpass issuers show` prints it.
    pub text: &'static str,
    /// What people call it.
    pub title: String,
    /// What `issuer` looks like, with capitals for what differs.
    pub issuer_form: String,
    /// What `issuer` must begin and end with.
    pub issuer_frame: (String, String),
    /// Whether the documented layout has no `aud`.
    pub without_audience: bool,
    /// The claims of which one must be pinned under `require`, because no audience keeps anybody
    /// out: there is none, or everybody may ask for it.
    pub pin: Vec<String>,
    /// The few lines that a user writes.
    pub example: String,
    settings: Node,
}

impl Preset {
    /// The names of all presets.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// The preset of this name.
    ///
    /// # Errors
    /// There is none, or its data are not what they should be, which a test excludes.
    pub fn find(name: &str, place: &Place) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some((name, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
            let help = match did_you_mean(name, Self::names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are `{}`", Self::names().collect::<Vec<_>>().join("`, `")),
            };
            problems.add(Problem::error(place, format!("there is no preset `{name}`"), help));
            return Err(problems);
        };
        let preset = Self::read(name, text, &mut problems);
        match preset {
            Some(preset) if !problems.any_error() => Ok(preset),
            _ => Err(problems),
        }
    }

    fn read(name: &'static str, text: &'static str, problems: &mut Problems) -> Option<Self> {
        let source = Source::read(format!("preset {name}"), text.as_bytes().to_vec(), problems)?;
        let root = parse(&source, problems);
        let mut fields = Fields::of(&root, "a preset", problems);
        let mut text_of = |key: &'static str, problems: &mut Problems| {
            fields.string(key, problems).map(|(text, _)| text.to_owned())
        };
        let title = text_of("title", problems);
        let issuer_form = text_of("issuer_form", problems);
        let example = text_of("example", problems);
        let starts = text_of("issuer_starts", problems).unwrap_or_default();
        let ends = text_of("issuer_ends", problems).unwrap_or_default();
        let audience = text_of("audience", problems);
        let mut list = |key| -> Vec<String> {
            fields.strings(key, problems).into_iter().map(|(text, _)| text.to_owned()).collect()
        };
        let (pin, sources, notes) = (list("pin"), list("sources"), list("notes"));
        let settings = fields.required("settings", "`[settings]`", problems)?.clone();
        let complete = !sources.is_empty()
            && !notes.is_empty()
            && match audience.as_deref() {
                Some("required") => true,
                Some("pinned") => !pin.is_empty(),
                _ => false,
            };
        if !complete {
            let help = "a preset has sources, notes and an `audience` of `required` or `pinned`";
            problems.add(Problem::error(&root.place, "the preset is not complete", help));
        }
        fields.finish(problems);
        let (title, issuer_form, example) = (title?, issuer_form?, example?);
        let issuer_frame = (starts, ends);
        let without_audience = audience.as_deref() == Some("pinned");
        Some(Self {
            name,
            text,
            title,
            issuer_form,
            issuer_frame,
            without_audience,
            pin,
            example,
            settings,
        })
    }

    /// What the user wrote, laid over what the preset says.
    #[must_use]
    pub fn under(&self, written: &Node) -> Node {
        laid_over(written, &self.settings)
    }
}

/// The preset that an issuer names, if it names one; `None` where it names one that is not there.
pub(super) fn preset(node: &Node, what: &str, problems: &mut Problems) -> Option<Option<Preset>> {
    if node.get("preset").is_none() {
        return Some(None);
    }
    let (name, place) = Fields::of(node, what, problems).string("preset", problems)?;
    match Preset::find(name, place) {
        Ok(preset) => Some(Some(preset)),
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

/// Holds `issuer` against the form that a preset's issuers have: Auth0's slash at the end is
/// forgotten more often than not.
pub(super) fn framed(preset: &Preset, issuer: &str, place: &Place, problems: &mut Problems) {
    let (starts, ends) = &preset.issuer_frame;
    let (title, form) = (&preset.title, &preset.issuer_form);
    // Plain http is judged elsewhere: on this machine it may be allowed.
    let plain = starts == "https://" && issuer.starts_with("http://");
    if !plain && !issuer.starts_with(starts.as_str()) {
        let message = format!("the `issuer` of {title} begins with `{starts}`");
        problems.add(Problem::error(place, message, format!("write it as in `{form}`")));
    }
    if !issuer.ends_with(ends.as_str()) {
        let message = format!("the `issuer` of {title} ends with `{ends}`");
        problems.add(Problem::error(place, message, format!("write it as in `{form}`")));
    }
}

/// Tables are laid over one another key by key; of all else the upper one counts.
fn laid_over(upper: &Node, lower: &Node) -> Node {
    let (Kind::Table(above), Kind::Table(below)) = (&upper.kind, &lower.kind) else {
        return upper.clone();
    };
    let mut table: BTreeMap<_, _> = below.clone();
    for (key, (place, node)) in above {
        let merged = match below.get(key) {
            Some((_, under)) => laid_over(node, under),
            None => node.clone(),
        };
        table.insert(key.clone(), (place.clone(), merged));
    }
    Node { kind: Kind::Table(table), place: upper.place.clone() }
}
