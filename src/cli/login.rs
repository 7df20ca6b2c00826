//! `hallpass login`

use std::process::Stdio;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use secrecy::ExposeSecret as _;

use super::{ConfigArgs, Exit, issuers, output};
use crate::{
    config::{IssuerSettings, LoginFlow, LoginSettings, NatsAddress},
    document::Problems,
    login::{self, Kept, Locked, LoginError, NatsContext, Origin, Places, Prompt, Store},
};

/// Sign in with an issuer, and use NATS with the token
///
/// Keeps the token where only you can read it, renews it as long as the IdP allows, and writes a
/// context for the `nats` CLI. Run it again whenever the token has ended: mostly nobody needs to
/// sign in anew. Needs `[issuers.NAME.login]` and `nats.urls` of the configuration, and none of
/// the secrets that `serve` needs.
///
/// Exit code 2 means that the sign-in was denied.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hallpass login corp\n  nats --context hallpass-corp pub orders.acme.created hello\n  TOKEN=$(hallpass login corp --print)\n  hallpass login corp --flow device    # where there is no browser"
)]
pub(super) struct Login {
    #[command(flatten)]
    config: ConfigArgs,
    /// The issuer, as in `[issuers.NAME]`
    issuer: String,
    /// How to sign in [default: `flow` of the configuration]
    #[arg(long, value_enum)]
    flow: Option<Flow>,
    /// Say where to sign in, and open no browser
    #[arg(long)]
    no_browser: bool,
    /// The token alone on standard output. A context that is there is renewed, none is made
    #[arg(long, conflicts_with = "forget")]
    print: bool,
    /// Delete the kept token and the context that has it
    #[arg(long)]
    forget: bool,
    /// What the context of the `nats` CLI is called [default: hallpass-ISSUER]
    #[arg(long, value_name = "NAME", conflicts_with = "no_context")]
    context: Option<String>,
    /// Write no context
    #[arg(long)]
    no_context: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Flow {
    /// In the browser of this machine
    Code,
    /// In any browser, with a code to type
    Device,
}

/// What ends a command early: its exit code, once the reason is told.
struct Told(Exit);

impl Login {
    pub(super) async fn run(&self) -> anyhow::Result<Exit> {
        let (issuer, login, layers) = match self.settings() {
            Ok(found) => found,
            Err(Told(exit)) => return Ok(exit),
        };
        let places = Places::of(std::env::home_dir(), |name| std::env::var_os(name));
        let store = Store::new(places.tokens()?, issuer.name.clone());
        let usual = NatsContext::usual_name(&issuer.name);
        let name = self.context.as_deref().unwrap_or(&usual);
        let context = match self.no_context {
            true => None,
            false => Some(NatsContext::new(&places.nats_contexts()?, name)?),
        };
        let waiting = || output::note("waiting for another `hallpass login` to end");
        if self.forget {
            return self.forget(&store.lock(waiting).await?, context.as_ref());
        }
        // Before anybody signs in: it would be in vain.
        let context = match context {
            Some(context) if self.wants(&context)? => match NatsAddress::read(&layers) {
                Ok(nats) => Some((context, nats)),
                Err(problems) => return Ok(invalid(&problems)),
            },
            _ => None,
        };
        let locked = store.lock(waiting).await?;
        let (kept, origin) = match self.token(&issuer, &login, &locked).await {
            Ok(found) => found,
            Err(error @ LoginError::Denied) => {
                output::error(&error.to_string());
                return Ok(Exit::No);
            }
            Err(error) => return Err(error.into()),
        };
        if let Some((context, nats)) = &context {
            context.write(&issuer.name, nats, &kept.token)?;
        }
        if self.print {
            output::try_line(kept.token.expose_secret())?;
        } else {
            tell(&issuer, &login, &kept, origin);
            if let Some((context, _)) = &context {
                let name = context.name();
                output::line(&format!("context {name}: nats --context {name} pub SUBJECT MESSAGE"));
            }
        }
        Ok(Exit::Yes)
    }

    fn settings(&self) -> Result<(IssuerSettings, LoginSettings, crate::config::Layers), Told> {
        let invalid = |problems| Told(invalid(&problems));
        let layers = self.config.layers().map_err(invalid)?;
        let issuers = IssuerSettings::read_all(&layers).map_err(invalid)?;
        let issuer = issuers::configured(&issuers, &self.issuer).map_err(Told)?;
        let Some(login) = &issuer.login else {
            let name = &issuer.name;
            output::error(&format!(
                "nobody can sign in with `{name}`: the configuration lacks \
                 `[issuers.{name}.login]`; add it with `client_id`, a public client of the IdP"
            ));
            return Err(Told(Exit::Invalid));
        };
        Ok((issuer.clone(), login.clone(), layers))
    }

    /// Whether the context is to be written. A script that wants a token has not asked for one,
    /// but what `nats` uses should not end before what the script got.
    fn wants(&self, context: &NatsContext) -> Result<bool, LoginError> {
        let exists = context.exists();
        match self.print && self.context.is_none() {
            true => Ok(exists.unwrap_or(false)),
            false => exists.map(|_| true),
        }
    }

    async fn token(
        &self,
        issuer: &IssuerSettings,
        login: &LoginSettings,
        store: &Locked,
    ) -> Result<(Kept, Origin), LoginError> {
        let flow = match self.flow {
            Some(Flow::Code) => LoginFlow::Code,
            Some(Flow::Device) => LoginFlow::Device,
            None => login.flow,
        };
        login::token(issuer, login, flow, store, |prompt| match prompt {
            Prompt::Browser(url) => {
                output::note(&format!("sign in with your browser:\n\n  {url}\n"));
                if !self.no_browser {
                    open(url);
                }
            }
            Prompt::Device { page, code, complete } => {
                output::note(&format!("sign in with any browser:\n\n  {page}\n  code: {code}\n"));
                if let Some(complete) = complete {
                    output::note(&format!("or, with the code in it:\n\n  {complete}\n"));
                }
            }
            Prompt::ForeignAnswer => output::note(
                "note: an answer with another `state` than this sign-in's came and was turned \
                 away; still waiting for the right one",
            ),
        })
        .await
    }

    fn forget(&self, store: &Locked, context: Option<&NatsContext>) -> anyhow::Result<Exit> {
        let name = &self.issuer;
        match store.forget()? {
            true => output::line(&format!("the token of `{name}` is deleted")),
            false => output::line(&format!("no token of `{name}` is kept")),
        }
        // One that hallpass did not write has no token of ours, unless somebody says so.
        if let Some(context) = context
            && (self.context.is_some() || context.exists().is_ok())
            && context.forget()?
        {
            output::line(&format!("the context {} is deleted", context.name()));
        }
        Ok(Exit::Yes)
    }
}

fn invalid(problems: &Problems) -> Exit {
    output::problems(problems);
    Exit::Invalid
}

fn tell(issuer: &IssuerSettings, login: &LoginSettings, kept: &Kept, origin: Origin) {
    let name = &issuer.name;
    let what = match origin {
        Origin::Kept => format!("already signed in with `{name}`"),
        Origin::Renewed => format!("the token of `{name}` is renewed"),
        Origin::SignedIn => format!("signed in with `{name}`"),
    };
    let until = kept.expires_at.map_or("for as long as the IdP likes".to_owned(), |end| {
        let end = end.to_zoned(TimeZone::system());
        format!("until {}", end.strftime("%Y-%m-%d %H:%M:%S %Z"))
    });
    output::line(&format!("{what}; the token is good {until}"));
    let wanted = login.scopes.iter().any(|scope| scope == "offline_access");
    if wanted && !kept.is_renewable() {
        output::note(
            "note: the IdP gave no refresh token, so somebody signs in again each time; some \
             give one only with `prompt = \"consent\"`",
        );
    }
}

/// Opens a page in the person's browser, if there is one: the page is on the terminal, too.
fn open(url: &url::Url) {
    let (program, arguments): (_, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).arg(url.as_str());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It is not waited for, and outlives us.
    let _ = command.spawn();
}
