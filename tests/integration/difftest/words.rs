//! Subjects that are near a case's rules: what has nothing to do with any says little.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::case::{Case, SUBJECT};

/// A subject or a subscription that is yet to be made of a case's rules.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Of which rule; none: of none.
    rule: Option<Index>,
    /// Which choices are made, one after the other.
    choices: Vec<u8>,
}

/// Any draft.
pub fn draft() -> impl Strategy<Value = Draft> {
    (prop::option::weighted(0.8, any::<Index>()), vec(0_u8..48, 6))
        .prop_map(|(rule, choices)| Draft { rule, choices })
}

const WORDS: [&str; 4] = ["a", "b", "c", "d"];
const GROUPS: [&str; 8] = ["q", "r", "q.a", "q.b", "q.*", "q.>", "*", "_sys_"];

impl Draft {
    fn choice(&self, index: usize) -> usize {
        usize::from(self.choices[index % self.choices.len()])
    }

    fn word(&self, index: usize) -> &'static str {
        WORDS[self.choice(index) % WORDS.len()]
    }

    /// The rule this is made of, where there is one.
    fn source<'a>(&self, rules: &'a [String]) -> Option<&'a str> {
        let index = self.rule.filter(|_| !rules.is_empty())?;
        Some(&rules[index.index(rules.len())])
    }

    /// A literal subject.
    pub fn subject(&self, case: &Case, rules: &[String]) -> String {
        let free = |count: usize| -> Vec<&str> { (0..count).map(|i| self.word(i)).collect() };
        let Some(rule) = self.source(rules) else {
            let words = free(1 + self.choice(0) % 4).join(".");
            return if case.apart { format!("s.{words}") } else { words };
        };
        let subject = rule.split(' ').next().unwrap();
        let tokens = subject.split('.').enumerate().map(|(index, token)| match token {
            "*" => self.word(index).to_owned(),
            ">" => free(1 + self.choice(index) % 3).join("."),
            // One word in some is another.
            _ if self.choice(index) % 16 == 15 => self.word(index + 1).to_owned(),
            token => filled(case, token, self.choice(index)),
        });
        tokens.collect::<Vec<_>>().join(".")
    }

    /// A subscription, with or without a queue group.
    pub fn subscription(&self, case: &Case, rules: &[String]) -> String {
        let rule = self.source(rules).unwrap_or(if case.apart { "s.*.>" } else { "*.>" });
        let (subject, queue) = rule.split_once(' ').map_or((rule, None), |(s, q)| (s, Some(q)));
        let tokens: Vec<_> = subject.split('.').collect();
        let mut pattern = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let (last, choice) = (index + 1 == tokens.len(), self.choice(index));
            pattern.push(match (*token, choice % 6) {
                ("*", 0) | (">", 1) => "*".to_owned(),
                ("*" | ">", 2) if last => ">".to_owned(),
                ("*", _) => self.word(index).to_owned(),
                (">", 0 | 3) => ">".to_owned(),
                (">", 4) => "*.>".to_owned(),
                (">", _) => format!("{}.*", self.word(index)),
                (_, 0) if choice > 24 => "*".to_owned(),
                (_, 1) if choice > 36 => {
                    pattern.push(">".to_owned());
                    break;
                }
                (token, _) => filled(case, token, choice),
            });
        }
        let group = |index: usize| GROUPS[self.choice(index) % GROUPS.len()];
        let queue = match (queue, self.choice(5) % 4) {
            (None, 0) => Some(group(4).to_owned()),
            (None, _) | (Some(_), 0) => None,
            (Some(_), 1) => Some(group(4).to_owned()),
            (Some(queue), _) => {
                let tokens = queue.split('.').map(|token| match (token, self.choice(3) % 3) {
                    ("*" | ">", 0) => self.word(4).to_owned(),
                    _ => filled(case, token, self.choice(4)),
                });
                Some(tokens.collect::<Vec<_>>().join("."))
            }
        };
        let subject = pattern.join(".");
        queue.map_or(subject.clone(), |queue| format!("{subject} {queue}"))
    }

    /// One or a few.
    pub fn count(&self) -> u32 {
        [1, 1, 2, 3, 5][self.choice(5) % 5]
    }

    /// Where an answer is wanted.
    pub fn reply(&self, case: &Case, rules: &[String]) -> String {
        match self.rule {
            Some(_) if !rules.is_empty() => self.subject(case, rules),
            _ => format!("_INBOX.somebody.{}", self.word(0)),
        }
    }
}

/// A placeholder's value, or some word where it has none; else the token.
fn filled(case: &Case, token: &str, choice: usize) -> String {
    let some_word = WORDS[choice % WORDS.len()];
    let value = match token {
        "{subject}" => SUBJECT,
        "{name}" => "idp:a",
        "{issuer}" => "idp",
        "{tenant}" => case.tenant.as_ref().and_then(|it| it.as_str()).unwrap_or(some_word),
        "{team}" => {
            let words = case.teams.as_ref().and_then(|it| it.as_array());
            let word = words.and_then(|words| words.get(choice % words.len().max(1)));
            word.and_then(|it| it.as_str()).unwrap_or(some_word)
        }
        token => token,
    };
    // Values that no subject takes are not asked about.
    if value.contains(['.', '*', '>', ' ']) && value != token {
        some_word.to_owned()
    } else {
        value.to_owned()
    }
}
