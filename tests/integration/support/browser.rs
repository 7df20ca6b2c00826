//! Somebody's browser, as far as signing in needs one: cookies, redirects, forms.

use std::collections::BTreeMap;

use reqwest::{Client, Method, Url, redirect::Policy};

/// What the person before it says to the IdP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Signs in and agrees.
    Yes,
    /// Refuses.
    No,
}

/// A browser with its cookies, and a person before it.
pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    answer: Answer,
    last: Option<String>,
}

/// Where it ended up.
pub struct Page {
    /// The address.
    pub url: Url,
    /// The text.
    pub text: String,
}

impl Browser {
    /// A fresh one.
    pub fn new(answer: Answer) -> Self {
        super::install_provider();
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new(), answer, last: None }
    }

    /// Opens a page and follows where it leads, up to an address that begins like this.
    pub async fn open_up_to(&mut self, url: &str, last: &str) -> Url {
        self.last = Some(last.to_owned());
        self.open(url).await.url
    }

    /// Opens a page and follows where it leads.
    pub async fn open(&mut self, url: &str) -> Page {
        self.go(Method::GET, Url::parse(url).unwrap(), String::new()).await
    }

    /// Submits the form of a page, as it is.
    pub async fn submit(&mut self, page: &Page) -> Page {
        let action = attribute(&page.text, "action").expect("a form");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for input in page.text.split("<input").skip(1) {
            let input = input.split('>').next().unwrap();
            if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value"))
            {
                body.append_pair(name, value);
            }
        }
        self.go(Method::POST, page.url.join(action).unwrap(), body.finish()).await
    }

    async fn go(&mut self, mut method: Method, mut url: Url, body: String) -> Page {
        for _ in 0..20 {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = self.client.request(method.clone(), url.clone());
            request = request.header("cookie", cookies.join("; "));
            if self.answer == Answer::No {
                request = request.header("x-sign-in", "deny");
            }
            if method == Method::POST {
                request = request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body.clone());
            }
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = cookie.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(next) = answer.headers().get("location") else {
                return Page { url, text: answer.text().await.unwrap() };
            };
            url = url.join(next.to_str().unwrap()).unwrap();
            method = Method::GET;
            if self.last.as_ref().is_some_and(|last| url.as_str().starts_with(last)) {
                return Page { url, text: String::new() };
            }
        }
        panic!("redirected for ever");
    }
}

/// The value of an attribute in a piece of HTML.
fn attribute<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = html.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}
